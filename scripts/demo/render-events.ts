/**
 * An agent's events as lines on a terminal, live: text as it is written, a line for each tool call, the output of commands,
 * file changes as a coloured diff, what it cost. Owns: the look. Must not know: where events come from.
 */
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { formatTokens, formatUsd, paint } from './terminal-style.ts'
import { createTerminalWriter, type Look, type TerminalOptions, type TerminalWriter } from './terminal-writer.ts'

export interface RunTotals {
  costUsd: number
  inputTokens: number
  outputTokens: number
  modelCalls: number
}

export interface EventRenderer {
  render(event: EventView): void
  totals(): RunTotals
}

type Handlers = Record<string, (data: Record<string, unknown>) => void>

const RULE_WIDTH = 60
const TAIL_LINES = 6
const SPEECH: Look = { prefix: '  ', styles: [] }
const REASONING: Look = { prefix: '  ┆ ', styles: ['dim'] }
const OUTPUT: Look = { prefix: '    │ ', styles: ['dim'] }
const FAILURE: Look = { prefix: '    │ ', styles: ['red'] }
const PERSON: Look = { prefix: '  › ', styles: ['bold'] }
const TASK_MARKS: Record<string, string> = { completed: '☑', in_progress: '▸', pending: '☐' }

/** Unknown events are not shown: a newer control plane may send them. */
export function createEventRenderer(options: TerminalOptions): EventRenderer {
  const writer = createTerminalWriter(options)
  const totals: RunTotals = { costUsd: 0, inputTokens: 0, outputTokens: 0, modelCalls: 0 }
  const handlers: Handlers = {
    ...createTalkHandlers(writer),
    ...createToolHandlers(writer, options.colour),
    ...createControlHandlers(writer, totals),
  }
  return {
    render: (event) => handlers[event.type]?.(event.data),
    totals: () => ({ ...totals }),
  }
}

function createTalkHandlers({ line, block, stream, style }: TerminalWriter): Handlers {
  const whole = (look: Look) => (data: Record<string, unknown>) => stream(str(data.messageId), 0, str(data.text), look)
  const piece = (look: Look) => (data: Record<string, unknown>) =>
    stream(str(data.messageId), num(data.offset), str(data.delta), look)
  return {
    message: (data) => block(str(data.text), PERSON),
    thinking: (data) => line(`\n${style(rule(`step ${data.step} of ${data.maxSteps}`), 'dim')}`),
    text: whole(SPEECH),
    text_delta: piece(SPEECH),
    reasoning: whole(REASONING),
    reasoning_delta: piece(REASONING),
    tool_output_delta: piece(OUTPUT),
    done: (data) => line(`\n${style(rule(`run ended: ${str(data.reason)} after ${data.steps} steps`), 'dim')}`),
  }
}

function createToolHandlers(writer: TerminalWriter, colour: boolean): Handlers {
  const { line, style, block } = writer
  return {
    tool_call: (data) => line(`${style('  ● ', 'cyan')}${style(str(data.tool), 'bold')} ${summariseInput(data.input)}`),
    tool_result(data) {
      if (typeof detailOf(data).durationMs === 'number') finishOutput(data, writer)
      else if (data.outcome !== 'ok') block(str(data.output), FAILURE)
      line(`    ${describeResult(data, writer)}`)
    },
    file_change(data) {
      const counts = `${style(`+${data.additions}`, 'green')} ${style(`-${data.deletions}`, 'red')}`
      line(`${style('  ± ', 'yellow')}${style(str(data.path), 'bold')} ${counts}`)
      block(str(data.diff), (content) => `    ${colourDiffLine(content, colour)}`)
    },
    task_update(data) {
      const tasks = Array.isArray(data.tasks) ? (data.tasks as { title: string; status: string }[]) : []
      for (const task of tasks) line(`    ${TASK_MARKS[task.status] ?? '☐'} ${task.title}`)
    },
    commit: (data) => line(`${style('  ◆ commit ', 'cyan')}${str(data.sha).slice(0, 10)} ${str(data.subject)}`),
    error: (data) => line(style(`  ✗ ${str(data.code)}: ${str(data.message)}`, 'red')),
  }
}

function createControlHandlers({ line, style }: TerminalWriter, totals: RunTotals): Handlers {
  let state = ''
  return {
    status(data) {
      const now = [str(data.status), str(data.stage)].filter(Boolean).join(': ').toLowerCase()
      if (now === state) return
      state = now
      line(style(`  ${now}${data.message ? ` (${str(data.message)})` : ''}`, 'dim'))
    },
    usage(data) {
      totals.modelCalls += 1
      totals.costUsd += num(data.costUsd)
      totals.inputTokens += num(data.inputTokens)
      totals.outputTokens += num(data.outputTokens)
      const cost = typeof data.costUsd === 'number' ? formatUsd(data.costUsd) : 'cost unknown'
      const tokens = `${formatTokens(num(data.inputTokens))} in, ${formatTokens(num(data.outputTokens))} out`
      line(style(`  ${tokens}, ${cost}`, 'dim'))
    },
    egress_denied: (data) =>
      line(style(`  ⛔ ${data.host}:${data.port} refused: ${data.reason}. ${data.cure}`, 'yellow')),
    push(data) {
      const verb = data.outcome === 'unknown' ? 'not confirmed' : 'refused'
      const outcome = data.outcome === 'ok' ? '' : ` ${verb}: ${str(data.reason)}`
      line(`${style('  ▲ push ', 'cyan')}${str(data.repository) || str(data.ref)}${outcome}`)
    },
    pull_request: (data) =>
      line(`${style(`  ⇄ pull request ${str(data.action)} `, 'green')}${str(data.url) || str(data.reason)}`),
  }
}

/**
 * The stored result takes the place of what was not streamed yet: the rest of a command's output, behind how it ended and an
 * empty line. Of a long one the last lines say most.
 */
function finishOutput(data: Record<string, unknown>, { stream, block, wasCut }: TerminalWriter): void {
  const id = str(data.toolCallId)
  const output = str(data.output).slice(str(data.output).indexOf('\n\n') + 2)
  if (detailOf(data).truncated !== true) stream(id, 0, output, OUTPUT)
  if (wasCut(id)) block(output.trimEnd().split('\n').slice(-TAIL_LINES).join('\n'), OUTPUT)
}

/** One line of a unified diff, coloured as git does. */
export function colourDiffLine(line: string, colour: boolean): string {
  if (/^(\+\+\+|---|diff |index )/.test(line)) return paint(line, colour, 'bold')
  if (line.startsWith('@@')) return paint(line, colour, 'cyan')
  if (line.startsWith('+')) return paint(line, colour, 'green')
  if (line.startsWith('-')) return paint(line, colour, 'red')
  return line
}

function describeResult(data: Record<string, unknown>, { style }: TerminalWriter): string {
  const detail = detailOf(data)
  if (typeof detail.exitCode === 'number') {
    const words = `exit ${detail.exitCode} after ${(num(data.durationMs) / 1000).toFixed(1)} s`
    return detail.exitCode === 0 ? style(`✓ ${words}`, 'green') : style(`✗ ${words}`, 'red')
  }
  if (data.outcome !== 'ok') return style(`✗ ${str(data.outcome)}`, 'red')
  const lines = str(data.output).replace(/\n$/, '').split('\n').length
  return style(`✓ ${lines} ${lines === 1 ? 'line' : 'lines'}`, 'dim')
}

/** The first field of a tool call that is text or a number, on one line, cut when long. */
function summariseInput(input: unknown): string {
  if (typeof input !== 'object' || input === null) return ''
  const field = Object.values(input).find((value) => typeof value === 'string' || typeof value === 'number')
  const summary = String(field ?? '').split('\n')[0] ?? ''
  return summary.length > 100 ? `${summary.slice(0, 99)}…` : summary
}

const detailOf = (data: Record<string, unknown>) => (data.detail ?? {}) as Record<string, unknown>
const rule = (words: string) => `── ${words} `.padEnd(RULE_WIDTH, '─')
const str = (value: unknown): string => (typeof value === 'string' ? value : '')
const num = (value: unknown): number => (typeof value === 'number' ? value : 0)
