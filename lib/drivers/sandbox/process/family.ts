/**
 * Everything that runs for a sandbox, wherever it went: its programs and their keepers, by the incarnation in their
 * environment; what the runner's commands started, by the runner in their mark; and the children of both. What takes both out
 * of its environment after its parents have ended is not found: a process sandbox is not isolated.
 */
import { COMMAND_MARK } from '../../../../container/contract/runner.ts'
import type { Clock } from '../../../clock.ts'
import { endProcesses } from '../../../end-processes.ts'
import {
  identifyProcess,
  type ProcessEntry,
  readEnvironment,
  readProcessTable,
  sendSignal,
  withDescendants,
} from '../../../process-table.ts'
import type { KnownProcess } from './keeper.ts'

/** A process that changes its program has no environment for a moment, and then it has: it is looked for again. */
const SETTLE_MS = 5
const SETTLE_ROUNDS = 10

/** Ends all of it: `runner` is the one that was started last, alive or not. */
export async function endFamily(
  { incarnation, runner }: { incarnation: string; runner: KnownProcess | null },
  clock: Clock,
): Promise<void> {
  const marks = [`BERTH_INCARNATION=${incarnation}\0`, ...marksOf(runner)]
  await endMarked({ marks, since: runner === null ? null : Number(runner.startTime) }, clock)
}

/** Ends what the commands of a runner that is gone left. */
export async function endCommands(runner: KnownProcess, clock: Clock): Promise<void> {
  await endMarked({ marks: marksOf(runner), since: Number(runner.startTime) }, clock)
}

interface Marked {
  /** Beginnings of a variable, as it stands in an environment. */
  marks: string[]
  /** In ticks: what began earlier cannot be of the family. Null: not known. */
  since: number | null
}

const marksOf = (runner: KnownProcess | null) =>
  runner === null ? [] : [`${COMMAND_MARK}=${identifyProcess(runner)}.`]

/** Kills. Resolves when nothing of it is left, or what is left cannot be killed. */
async function endMarked(marked: Marked, clock: Clock): Promise<void> {
  const find = () => findMarked(marked).members
  const signal = (members: ProcessEntry[], what: NodeJS.Signals) => {
    for (const { pid } of members) sendSignal(pid, what)
  }
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    await endProcesses({ find, signal, graceMs: 0, clock })
    if (findMarked(marked).settled) return
    await clock.sleep(SETTLE_MS)
  }
}

/** Not `settled` when there is a process of unknown environment that may be one of them. */
function findMarked({ marks, since }: Marked): { members: ProcessEntry[]; settled: boolean } {
  const table = readProcessTable().filter(({ pid }) => pid !== process.pid)
  const roots = new Set<number>()
  let settled = true
  for (const { pid, startTime } of table) {
    const environment = readEnvironment(pid)
    if (environment?.some((entry) => marks.some((mark) => `${entry}\0`.startsWith(mark)))) roots.add(pid)
    else if (environment?.length === 0 && since !== null && Number(startTime) >= since) settled = false
  }
  const family = withDescendants(roots, table)
  return { members: table.filter(({ pid }) => family.has(pid)), settled }
}
