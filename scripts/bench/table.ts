/** Results as a person reads them: on a terminal and, being Markdown, in the documentation. Pure. */
import type { Machine } from './machine.ts'
import { type Measurement, summarise, timesGoal } from './measurement.ts'

/** A Markdown table with its columns aligned. */
export function renderTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map(toCells)
  const all = [HEAD, ...rows]
  const widths = HEAD.map((_, column) => Math.max(3, ...all.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: string[]) => `| ${cells.map((cell, column) => pad(cell, column, widths)).join(' | ')} |`
  const rule = `|${widths.map((width, column) => `${'-'.repeat(width + 1)}${column === 0 ? '-' : ':'}`).join('|')}|`
  return [line(HEAD), rule, ...rows.map(line)].join('\n')
}

const HEAD = ['what', 'goal', 'p50', 'p95', 'p99', 'n', 'times the goal']

function toCells(measurement: Measurement): string[] {
  const { what, unit, goal } = measurement
  const { n, p50, p95, p99 } = summarise(measurement)
  const times = timesGoal(measurement)
  return [
    what,
    goal === null ? '' : `${goal.statistic} ${goal.bound} ${goal.value} ${unit}`,
    ...[p50, p95, p99].map((value) => `${round(value)} ${unit}`),
    String(n),
    times === null ? '' : times.toFixed(2),
  ]
}

const pad = (cell: string, column: number, widths: number[]) =>
  column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)

const round = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0))

/** Two lines: figures say nothing without what they were measured on. */
export function renderMachine(machine: Machine): string {
  const { cpu, cores, memoryBytes, kernel, engine, node, date, load } = machine
  return [
    `${cpu}, ${cores} cores, ${(memoryBytes / 1024 ** 3).toFixed(0)} GiB; Linux ${kernel}; ${engine}; Node ${node}`,
    `${date}; load average at the beginning ${load.toFixed(2)}`,
  ].join('\n')
}
