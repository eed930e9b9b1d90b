/** Title and body of a pull request and the message of its commit, from a run and its log. Pure. */
import type { Run, StoredEvent } from './agent.ts'
import { cutText } from './cut-text.ts'

/** Whose calls are shown. */
export const COMMAND_TOOL = 'run_command'
const MAX_COMMANDS = 20
const MAX_COMMAND_CHARS = 160
/** Of a text of a person or the model. GitHub refuses a body of more than 65,536 characters. */
const MAX_TEXT_CHARS = 12_000

/** The last commands of a run in order, with how they ended: as the sandbox reported them. */
export interface CommandEvidence {
  commands: { command: string; end: string }[]
  /** How many there were before those. */
  earlier: number
}

/** Fed with the events of a run, oldest first; holds no more of them than is shown. */
export class CommandCollector {
  readonly #last = new Map<string, CommandEvidence['commands'][number]>()
  #earlier = 0

  add({ type, data }: Pick<StoredEvent, 'type' | 'data'>): void {
    const { tool, toolCallId } = data
    if (tool !== COMMAND_TOOL || typeof toolCallId !== 'string') return
    if (type === 'tool_call') this.#begin(toolCallId, readCommand(data.input))
    const known = this.#last.get(toolCallId)
    if (type === 'tool_result' && known) known.end = describeEnd(data)
  }

  evidence(): CommandEvidence {
    return { commands: [...this.#last.values()], earlier: this.#earlier }
  }

  #begin(toolCallId: string, command: string): void {
    this.#last.set(toolCallId, { command: cut(command), end: 'no result' })
    const [oldest] = this.#last.keys()
    if (this.#last.size <= MAX_COMMANDS || oldest === undefined) return
    this.#last.delete(oldest)
    this.#earlier += 1
  }
}

function readCommand(input: unknown): string {
  const { command } = (input ?? {}) as { command?: unknown }
  if (Array.isArray(command)) return command.join(' ')
  return typeof command === 'string' ? command : JSON.stringify(input)
}

/** The exit code, or what there is in its place. A result without the figures of a command is of one that never began. */
function describeEnd({ outcome, detail }: StoredEvent['data']): string {
  const { code, exitCode, signal, timedOut } = (detail ?? {}) as Record<string, unknown>
  // Without its runner nobody saw the end.
  if (outcome === 'interrupted' || code === 'runner_lost') return 'interrupted'
  if (timedOut === true) return 'timed out'
  if (typeof exitCode === 'number') return String(exitCode)
  if (exitCode === undefined) return 'not run'
  return typeof signal === 'string' && /^SIG[A-Z0-9]{1,12}$/.test(signal) ? `ended by ${signal}` : 'ended by a signal'
}

export function writePullRequestBody(input: {
  summary: string | null
  run: Pick<Run, 'task' | 'steps' | 'costUsd'>
  model: string
  evidence: CommandEvidence
  /** Of the sandbox. */
  isolated: boolean
}): string {
  const { summary, run, model, evidence, isolated } = input
  const { commands, earlier } = evidence
  const rows = commands.map(({ command, end }) => `| ${inCode(command)} | ${end} |`)
  return [
    shorten(summary?.trim() || run.task.trim()),
    '',
    '### Task',
    '',
    quote(shorten(run.task)),
    '',
    ...(rows.length === 0
      ? ['No commands were run.']
      : [
          '### Commands, as reported by the sandbox',
          '',
          '| command | exit |',
          '| --- | --- |',
          ...rows,
          ...(earlier > 0 ? ['', `${earlier} earlier commands are in the log.`] : []),
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
  const fence = command.includes('`') ? '``' : '`'
  return `${fence} ${command.replaceAll('|', '\\|')} ${fence}`
}

function shorten(text: string): string {
  return text.length > MAX_TEXT_CHARS ? `${cutText(text, MAX_TEXT_CHARS)}…\n\nThe rest is in the log.` : text
}

/** On one line. */
function cut(command: string): string {
  const line = command.replace(/\s+/g, ' ').trim()
  return line.length > MAX_COMMAND_CHARS ? `${cutText(line, MAX_COMMAND_CHARS - 1)}…` : line
}
