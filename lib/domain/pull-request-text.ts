/** Title and body of a pull request and the message of its commit, from a run and its log. Pure. */
import type { Run, StoredEvent } from './agent.ts'

const MAX_COMMANDS = 20

export interface CommandEvidence {
  command: string
  exitCode: number | null
}

/** The commands of a run in order, with how they ended: as the sandbox reported them. */
export function readCommandEvidence(events: StoredEvent[]): CommandEvidence[] {
  const commands = new Map<string, CommandEvidence>()
  for (const { type, data } of events) {
    if (data.tool !== 'run_command' || typeof data.toolCallId !== 'string') continue
    if (type === 'tool_call') commands.set(data.toolCallId, { command: readCommand(data.input), exitCode: null })
    const known = commands.get(data.toolCallId)
    if (type !== 'tool_result' || !known) continue
    const detail = data.detail as { exitCode?: unknown } | undefined
    if (typeof detail?.exitCode === 'number') known.exitCode = detail.exitCode
  }
  return [...commands.values()]
}

function readCommand(input: unknown): string {
  const { command } = (input ?? {}) as { command?: unknown }
  if (Array.isArray(command)) return command.join(' ')
  return typeof command === 'string' ? command : JSON.stringify(input)
}

export function writePullRequestBody(input: {
  summary: string | null
  run: Pick<Run, 'task' | 'steps' | 'costUsd'>
  model: string
  commands: CommandEvidence[]
  /** Of the sandbox. */
  isolated: boolean
}): string {
  const { summary, run, model, commands, isolated } = input
  const shown = commands.slice(-MAX_COMMANDS)
  const rows = shown.map(({ command, exitCode }) => `| ${inCode(command)} | ${exitCode ?? 'ended by a signal'} |`)
  const left = commands.length - shown.length
  return [
    summary?.trim() || run.task.trim(),
    '',
    '### Task',
    '',
    quote(run.task),
    '',
    ...(rows.length === 0
      ? ['No commands were run.']
      : [
          '### Commands, as reported by the sandbox',
          '',
          '| command | exit |',
          '| --- | --- |',
          ...rows,
          ...(left > 0 ? ['', `${left} earlier commands are in the log.`] : []),
        ]),
    '',
    ...(isolated ? [] : [NOT_ISOLATED, '']),
    `${run.steps} ${run.steps === 1 ? 'step' : 'steps'} with ${model}. Opened by Berth.`,
    '',
  ].join('\n')
}

const NOT_ISOLATED =
  '**Not isolated:** the agent had no container. Its commands ran as ordinary processes of the machine that Berth runs on, with what is installed and reachable there.'

/** What the agent wrote itself, with the one thing that it may not leave out. */
export function finishPullRequestBody(body: string, { isolated }: { isolated: boolean }): string {
  return isolated ? body : `${body.trimEnd()}\n\n${NOT_ISOLATED}\n`
}

export function writeCommitMessage(name: string, summary: string | null): string {
  return summary ? `${name}\n\n${summary.trim()}\n` : `${name}\n`
}

function quote(text: string): string {
  return text
    .trim()
    .split('\n')
    .map((line) => `> ${line}`)
    .join('\n')
}

/** A code span that survives a table and backticks within. */
function inCode(command: string): string {
  const line = command.replace(/\s+/g, ' ').trim()
  const cut = line.length > 160 ? `${line.slice(0, 159)}…` : line
  const fence = cut.includes('`') ? '``' : '`'
  return `${fence} ${cut.replaceAll('|', '\\|')} ${fence}`
}
