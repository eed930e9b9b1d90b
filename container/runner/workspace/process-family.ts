/**
 * The processes that one command started, wherever they went: its process group, what carries its mark in the environment
 * (`setsid` leaves a group, not an environment), and the children of both. Where there is no table of processes only the group
 * is known. Must not know what a command is for or how long it may take.
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
  readStartTime,
  sendSignal,
  withDescendants,
} from '../../../lib/process-table.ts'
import { COMMAND_MARK } from '../../contract/runner.ts'

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

/** `groupId` is the pid of the command itself, which leads its group. */
export function createProcessFamily(options: { groupId: number; mark: string; clock: Clock }): ProcessFamily {
  const { groupId, mark, clock } = options
  const since = readStartTime(groupId)
  const look = () =>
    hasProcessTable() ? findFamily({ groupId, mark, since }) : { members: findGroup(groupId), settled: true }
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
 * their runner says nothing.
 */
export function endOrphans(): number {
  const table = readProcessTable()
  const namespace = readNamespace()
  const alive = new Set(table.map(identifyProcess))
  const orphans = table.filter(({ pid }) => {
    const runner = findMark(readEnvironment(pid))?.split('.')[0]
    return runner?.startsWith(`${namespace}-`) === true && !alive.has(runner) && pid !== process.pid
  })
  for (const { pid } of orphans) sendSignal(pid, 'SIGKILL')
  return orphans.length
}

/** What every mark of this process begins with, so that a pid used again is not taken for it. */
export function markPrefix(): string {
  return identifyProcess({ pid: process.pid, startTime: findProcess(process.pid)?.startTime ?? '0' })
}

function findFamily({ groupId, mark, since }: { groupId: number; mark: string; since: number }) {
  const table = readProcessTable().filter((entry) => entry.pid !== process.pid)
  const roots = new Set<number>()
  let settled = true
  for (const entry of table) {
    const environment = readEnvironment(entry.pid)
    if (entry.group === groupId || findMark(environment) === mark) roots.add(entry.pid)
    else if (environment?.length === 0 && Number(entry.startTime) >= since) settled = false
  }
  const members = [...withDescendants(roots, table)].map((pid) => ({ pid, command: readCommand(pid) }))
  return { members, settled }
}

function findGroup(groupId: number): FamilyMember[] {
  return sendSignal(-groupId, 0) ? [{ pid: groupId, command: 'the process group' }] : []
}

function findMark(environment: string[] | null): string | undefined {
  return environment?.find((entry) => entry.startsWith(`${COMMAND_MARK}=`))?.slice(COMMAND_MARK.length + 1)
}
