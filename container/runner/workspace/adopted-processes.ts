/**
 * Processes whose parents have ended, so that PID 1 adopted them: a daemon, say, which keeps neither group nor session, and with
 * `env -i` not even its command's mark. Owns: whose it may be. Only for a process namespace that is the sandbox's own; elsewhere
 * PID 1 adopts what is none of ours.
 */
import { type ProcessEntry, sendSignal, withDescendants } from '../../../lib/process-table.ts'

export interface CommandProcess {
  /** The pid of the command itself, which leads its group. */
  groupId: number
  mark: string
  /** In ticks, as in the table of processes. */
  startTime: number
  /** It is over; what carries its mark is being ended, and is nobody else's meanwhile. */
  ending?: boolean
}

/** What may be signalled of it, in a table without this process: what descends from this one, or from an exec, is not adopted. */
export function findAdopted(table: readonly ProcessEntry[], maySignal = isOurs): ProcessEntry[] {
  const adopted = withDescendants(new Set([1]), table)
  return table.filter(({ pid }) => pid !== 1 && adopted.has(pid) && maySignal(pid))
}

function isOurs(pid: number): boolean {
  return sendSignal(pid, 0)
}

/**
 * Whether `command`, as it ends, has to end it: it began since, and no other command that could have begun it runs still. The
 * last of them to end ends it.
 */
export function isLeftBy(
  { startTime, mark }: { startTime: number; mark: string | undefined },
  { command, running }: { command: CommandProcess; running: Iterable<CommandProcess> },
): boolean {
  const others = [...running].filter((other) => other.mark !== command.mark)
  if (mark !== undefined) return !others.some((other) => other.mark === mark)
  // Of two commands that end at once, one has to take it.
  return startTime >= command.startTime && !others.some((other) => !other.ending && startTime >= other.startTime)
}
