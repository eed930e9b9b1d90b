/**
 * The processes that one command started, wherever they went: its process group, what carries its mark in the environment
 * (`setsid` leaves a group, not an environment), the children of both, and in a sandbox of its own what PID 1 adopted and is
 * nobody else's. Where there is no table of processes only the group is known. Must not know what a command is for or how long
 * it may take.
 */
import type { Clock } from '../../../lib/clock.ts'
import { endProcesses } from '../../../lib/end-processes.ts'
import {
  findProcess,
  hasProcessTable,
  identifyProcess,
  readCommand,
  readEnvironment,
  readNamespace,
  readProcessTable,
  sendSignal,
  withDescendants,
} from '../../../lib/process-table.ts'
import { COMMAND_MARK } from '../../contract/runner.ts'
import { type CommandProcess, findAdopted, isLeftBy } from './adopted-processes.ts'

export interface FamilyMember {
  pid: number
  /** Its command line, up to 80 characters. */
  command: string
}

export interface ProcessFamily {
  /** Every member that is alive now; zombies are not. */
  members(): FamilyMember[]
  /**
   * The members, and whether that is all: not `settled` when a process that began since the command was between two programs
   * in this very look. For a moment of execve(2) it has no environment to read, so it may be a member.
   */
  look(): { members: FamilyMember[]; settled: boolean }
  /** TERM to all; what is left after `graceMs` is stopped and killed, again for what it started meanwhile. */
  end(graceMs: number): Promise<void>
}

export interface FamilyOptions {
  command: CommandProcess
  /** Every command of this runner that runs now, this one too. */
  running: ReadonlySet<CommandProcess>
  /** The process namespace is the sandbox's own: nothing is in it that a person started. */
  isolated: boolean
  clock: Clock
}

export function createProcessFamily(options: FamilyOptions): ProcessFamily {
  const { command, clock } = options
  const { groupId } = command
  const look = () => (hasProcessTable() ? findFamily(options) : { members: findGroup(groupId), settled: true })
  const members = () => look().members
  return {
    members,
    look,
    end: (graceMs) =>
      endProcesses({
        find: members,
        signal(family, signal) {
          sendSignal(-groupId, signal)
          for (const { pid } of family) sendSignal(pid, signal)
        },
        graceMs,
        clock,
      }),
  }
}

/**
 * Processes of an earlier runner's commands are ended at once. For a new runner: what its predecessor, killed in the middle,
 * could not end. Only of this process namespace: a container's processes are seen from outside too, and there the number of
 * their runner says nothing. In a sandbox of its own, all that PID 1 adopted.
 */
export function endOrphans({ isolated }: Pick<FamilyOptions, 'isolated'>): number {
  const table = readProcessTable()
  const namespace = readNamespace()
  const alive = new Set(table.map(identifyProcess))
  const others = table.filter(({ pid }) => pid !== process.pid)
  const marked = others.filter(({ pid }) => {
    const runner = findMark(readEnvironment(pid))?.split('.')[0]
    return runner?.startsWith(`${namespace}-`) === true && !alive.has(runner)
  })
  const orphans = new Set([...marked, ...(isolated ? findAdopted(others) : [])])
  for (const { pid } of orphans) sendSignal(pid, 'SIGKILL')
  return orphans.size
}

/** What every mark of this process begins with, so that a pid used again is not taken for it. */
export function markPrefix(): string {
  return identifyProcess({ pid: process.pid, startTime: findProcess(process.pid)?.startTime ?? '0' })
}

function findFamily({ command, running, isolated }: FamilyOptions) {
  const table = readProcessTable().filter((entry) => entry.pid !== process.pid)
  const environments = new Map(table.map(({ pid }) => [pid, readEnvironment(pid)]))
  const markOf = (pid: number) => findMark(environments.get(pid) ?? null)
  const own = table.filter(({ pid, group }) => group === command.groupId || markOf(pid) === command.mark)
  const left = (isolated ? findAdopted(table) : []).filter(({ pid, startTime }) =>
    isLeftBy({ startTime: Number(startTime), mark: markOf(pid) }, { command, running }),
  )
  const roots = new Set([...own, ...left].map(({ pid }) => pid))
  const settled = table.every(
    ({ pid, startTime }) =>
      roots.has(pid) || environments.get(pid)?.length !== 0 || Number(startTime) < command.startTime,
  )
  const members = [...withDescendants(roots, table)].map((pid) => ({ pid, command: readCommand(pid) }))
  return { members, settled }
}

function findGroup(groupId: number): FamilyMember[] {
  return sendSignal(-groupId, 0) ? [{ pid: groupId, command: 'the process group' }] : []
}

function findMark(environment: string[] | null): string | undefined {
  return environment?.find((entry) => entry.startsWith(`${COMMAND_MARK}=`))?.slice(COMMAND_MARK.length + 1)
}
