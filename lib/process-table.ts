/**
 * Linux's table of processes, read from /proc (proc(5)), and signals to those in it. Elsewhere the table is empty. Owns: who
 * runs, since when, whose child, in which group, with which environment. Must not know: what any of them is for.
 */
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface ProcessEntry {
  pid: number
  parent: number
  group: number
  /** Ticks since the machine started: with the pid, what tells a process from a later one of the same number. */
  startTime: string
}

export function hasProcessTable(): boolean {
  return existsSync('/proc/self/stat')
}

/** Every process but the kernel's own threads and those that have ended and only wait to be reaped. */
export function readProcessTable(): ProcessEntry[] {
  if (!hasProcessTable()) return []
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.map((pid) => findProcess(Number(pid))).filter((entry) => entry !== null)
}

/** The flag of a kernel thread (PF_KTHREAD in the kernel's sched.h). */
const KERNEL_THREAD = 0x00200000

/** Null when there is no such process, when it has ended (a zombie too), and for a thread of the kernel. */
export function findProcess(pid: number): ProcessEntry | null {
  const fields = readStat(pid)
  if (fields === null) return null
  const [state, parent, group] = fields
  if (state === undefined || state === 'Z' || state === 'X') return null
  if ((Number(fields[6]) & KERNEL_THREAD) !== 0) return null
  return { pid, parent: Number(parent), group: Number(group), startTime: fields[19] ?? '0' }
}

/** In ticks; also of a zombie. Infinity when there is no such process. */
export function readStartTime(pid: number): number {
  const fields = readStat(pid)
  return fields === null ? Number.POSITIVE_INFINITY : Number(fields[19])
}

/** `NAME=value` each; empty also for a moment of execve(2), between two programs. Null when it is gone, or another user's. */
export function readEnvironment(pid: number): string[] | null {
  const text = readProcFile(pid, 'environ')
  return text === null ? null : text.split('\0').filter((entry) => entry !== '')
}

/** Its command line, up to 80 characters. */
export function readCommand(pid: number): string {
  const words = readProcFile(pid, 'cmdline')?.split('\0').join(' ').trim() ?? ''
  return words.length > 80 ? `${words.slice(0, 79)}…` : words
}

/** What tells a process from every other one of this machine's life: its process namespace, its number and its start. */
export function identifyProcess({ pid, startTime }: Pick<ProcessEntry, 'pid' | 'startTime'>): string {
  return `${readNamespace()}-${pid}-${startTime}`
}

/** The number in `pid:[4026531836]` (namespaces(7)). */
export function readNamespace(): string {
  return hasProcessTable() ? readlinkSync('/proc/self/ns/pid').replace(/\D/g, '') : '0'
}

/** `roots` and everything that descends from them. */
export function withDescendants(roots: ReadonlySet<number>, table: readonly ProcessEntry[]): Set<number> {
  const family = new Set(roots)
  for (let grew = family.size > 0; grew; ) {
    grew = false
    for (const entry of table) {
      if (family.has(entry.pid) || !family.has(entry.parent)) continue
      family.add(entry.pid)
      grew = true
    }
  }
  return family
}

/** A negative pid is a process group. False when there is nobody to signal (any more). */
export function sendSignal(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch (error) {
    if (hasCode(error, ['ESRCH', 'EPERM'])) return false
    throw error
  }
}

/** Fields of /proc/<pid>/stat behind the name, which may hold anything up to the last ")". */
function readStat(pid: number): string[] | null {
  const stat = readProcFile(pid, 'stat')
  return stat === null ? null : stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function readProcFile(pid: number, name: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch (error) {
    if (hasCode(error, ['ENOENT', 'ESRCH', 'EACCES', 'EPERM'])) return null
    throw error
  }
}

function hasCode(error: unknown, codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
