/**
 * The processes that one command started, wherever they went: its process group, what carries its mark in the environment
 * (`setsid` leaves a group, not an environment), and the children of both. Reads Linux's /proc; elsewhere only the group is
 * known. Must not know what a command is for or how long it may take.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Clock } from '../../../lib/clock.ts'
import { hasCode } from './map-fs-error.ts'

/** Name of the variable that marks what a command starts. */
export const MARK_VARIABLE = 'BERTH_COMMAND'

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

const POLL_MS = 20
const MAX_FREEZE_ROUNDS = 50
/** After KILL: a process in uninterruptible sleep cannot be waited for for ever. */
const KILL_WAIT_MS = 2_000

/** `groupId` is the pid of the command itself, which leads its group. */
export function createProcessFamily(options: { groupId: number; mark: string; clock: Clock }): ProcessFamily {
  const { groupId, mark, clock } = options
  const since = readStartTime(groupId)
  const look = () =>
    hasProcessTable() ? findFamily({ groupId, mark, since }) : { members: findGroup(groupId), settled: true }
  const members = () => look().members

  const waitUntilGone = async (ms: number, again: (left: FamilyMember[]) => void): Promise<boolean> => {
    const deadline = clock.monotonicMs() + ms
    for (;;) {
      const left = members()
      if (left.length === 0) return true
      again(left)
      if (clock.monotonicMs() >= deadline) return false
      await clock.sleep(POLL_MS)
    }
  }

  /** Stops members until no new ones turn up: one that multiplies would fill the places of those killed before it. */
  const freeze = () => {
    const stopped = new Set<number>()
    for (let round = 0; round < MAX_FREEZE_ROUNDS; round += 1) {
      const running = members().filter(({ pid }) => !stopped.has(pid))
      if (running.length === 0) return
      signalAll(groupId, running, 'SIGSTOP')
      for (const { pid } of running) stopped.add(pid)
    }
  }

  return {
    members,
    look,
    async end(graceMs) {
      const family = members()
      if (family.length === 0) return
      // A stopped process takes TERM only once it goes on.
      for (const signal of ['SIGTERM', 'SIGCONT'] as const) signalAll(groupId, family, signal)
      if (await waitUntilGone(graceMs, () => {})) return
      freeze()
      await waitUntilGone(KILL_WAIT_MS, (left) => signalAll(groupId, left, 'SIGKILL'))
    },
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
  const alive = new Set(table.map((entry) => prefixOf(namespace, entry)))
  const orphans = table.filter((entry) => {
    const runner = findMark(readProcFile(entry.pid, 'environ'))?.split('.')[0]
    return runner?.startsWith(`${namespace}-`) === true && !alive.has(runner) && entry.pid !== process.pid
  })
  for (const { pid } of orphans) sendSignal(pid, 'SIGKILL')
  return orphans.length
}

/** What every mark of this process begins with: its namespace, pid and start time, so that a pid used again is not taken for it. */
export function markPrefix(): string {
  return prefixOf(readNamespace(), { pid: process.pid, startTime: readEntry(process.pid)?.startTime ?? '0' })
}

function prefixOf(namespace: string, { pid, startTime }: Pick<ProcessEntry, 'pid' | 'startTime'>): string {
  return `${namespace}-${pid}-${startTime}`
}

/** The number in `pid:[4026531836]` (namespaces(7)). */
function readNamespace(): string {
  return hasProcessTable() ? readlinkSync('/proc/self/ns/pid').replace(/\D/g, '') : '0'
}

interface ProcessEntry {
  pid: number
  parent: number
  group: number
  startTime: string
}

function hasProcessTable(): boolean {
  return existsSync('/proc/self/stat')
}

function findFamily({ groupId, mark, since }: { groupId: number; mark: string; since: number }) {
  const table = readProcessTable().filter((entry) => entry.pid !== process.pid)
  const family = new Set<number>()
  let settled = true
  for (const entry of table) {
    const environment = readProcFile(entry.pid, 'environ')
    if (entry.group === groupId || findMark(environment) === mark) family.add(entry.pid)
    else if (environment === '' && Number(entry.startTime) >= since) settled = false
  }
  for (let grew = family.size > 0; grew; ) {
    grew = false
    for (const entry of table) {
      if (family.has(entry.pid) || !family.has(entry.parent)) continue
      family.add(entry.pid)
      grew = true
    }
  }
  return { members: [...family].map((pid) => ({ pid, command: readCommand(pid) })), settled }
}

function findGroup(groupId: number): FamilyMember[] {
  return sendSignal(-groupId, 0) ? [{ pid: groupId, command: 'the process group' }] : []
}

function readProcessTable(): ProcessEntry[] {
  if (!hasProcessTable()) return []
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => readEntry(Number(pid))).filter((entry) => entry !== null)
}

/** Fields of /proc/<pid>/stat (proc(5)) behind the name, which may hold anything up to the last ")". Null for zombies. */
function readEntry(pid: number): ProcessEntry | null {
  const stat = readProcFile(pid, 'stat')
  if (stat === null) return null
  const [state, parent, group, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === undefined || state === 'Z' || state === 'X') return null
  return { pid, parent: Number(parent), group: Number(group), startTime: rest[16] ?? '0' }
}

/** Also of a zombie. Infinity when there is no such process. */
function readStartTime(pid: number): number {
  const stat = readProcFile(pid, 'stat')
  return stat === null ? Number.POSITIVE_INFINITY : Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
}

function findMark(environment: string | null): string | undefined {
  const entries = environment?.split('\0') ?? []
  return entries.find((entry) => entry.startsWith(`${MARK_VARIABLE}=`))?.slice(MARK_VARIABLE.length + 1)
}

function readCommand(pid: number): string {
  const words = readProcFile(pid, 'cmdline')?.split('\0').join(' ').trim() ?? ''
  return words.length > 80 ? `${words.slice(0, 79)}…` : words
}

/** Null when the process is gone, or another user's. */
function readProcFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM')) return null
    throw error
  }
}

function signalAll(groupId: number, family: FamilyMember[], signal: NodeJS.Signals): void {
  sendSignal(-groupId, signal)
  for (const { pid } of family) sendSignal(pid, signal)
}

/** False when there is nobody to signal (any more). */
function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (hasCode(error, 'ESRCH', 'EPERM')) return false
    throw error
  }
}
