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

export interface FamilyName {
  incarnation: string
  /** The runner that was started last, alive or not. */
  runner: KnownProcess | null
}

/** A process that changes its program has no environment for a moment, and then it has: it is looked for again. */
const SETTLE_MS = 5
const SETTLE_ROUNDS = 10

/** Kills all of it. Resolves when nothing of it is left, or what is left cannot be killed. */
export async function endFamily(name: FamilyName, clock: Clock): Promise<void> {
  const find = () => findFamily(name).members
  const signal = (members: ProcessEntry[], what: NodeJS.Signals) => {
    for (const { pid } of members) sendSignal(pid, what)
  }
  for (let round = 0; round < SETTLE_ROUNDS; round += 1) {
    await endProcesses({ find, signal, graceMs: 0, clock })
    if (findFamily(name).settled) return
    await clock.sleep(SETTLE_MS)
  }
}

/** Not `settled` when there is a process of unknown environment that began after the runner. */
function findFamily({ incarnation, runner }: FamilyName): { members: ProcessEntry[]; settled: boolean } {
  const table = readProcessTable().filter(({ pid }) => pid !== process.pid)
  const own = `BERTH_INCARNATION=${incarnation}`
  const mark = runner === null ? null : `${COMMAND_MARK}=${identifyProcess(runner)}.`
  const roots = new Set<number>()
  let settled = true
  for (const { pid, startTime } of table) {
    const environment = readEnvironment(pid)
    if (environment?.some((entry) => entry === own || (mark !== null && entry.startsWith(mark)))) roots.add(pid)
    else if (environment?.length === 0 && runner !== null && Number(startTime) >= Number(runner.startTime))
      settled = false
  }
  const family = withDescendants(roots, table)
  return { members: table.filter(({ pid }) => family.has(pid)), settled }
}
