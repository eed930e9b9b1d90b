/**
 * What runs on a cluster: reads postmaster.pid, whose lines are (PostgreSQL's pidfile.h) 1 pid, 2 data directory, 3 start time,
 * 4 port, 5 socket directory, 6 address, 7 shared memory key, 8 status.
 */
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'

export interface Postmaster {
  pid: number
  port: number
  isReady: boolean
}

const isMissing = (error: unknown) =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')

/** What the cluster's pid file says; null without one. The process may be long gone. */
export async function readPostmaster(cluster: string): Promise<Postmaster | null> {
  let text: string
  try {
    text = await readFile(path.join(cluster, 'postmaster.pid'), 'utf8')
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
  const lines = text.split('\n')
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return null
  return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' }
}

/** True while the process lives; a zombie, which only waits to be reaped, does not. */
export async function isProcessAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (isMissing(error)) return false
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) throw error
  }
  if (process.platform !== 'linux') return true
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    return status.slice(status.lastIndexOf(')') + 2, status.lastIndexOf(')') + 3) !== 'Z'
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** True when the process is a server on this cluster, and not another program that was given its old number. */
export async function isServerOf(cluster: string, pid: number): Promise<boolean> {
  if (!(await isProcessAlive(pid))) return false
  if (process.platform !== 'linux') return true
  try {
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8')
    return commandLine.split('\0').includes(cluster)
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Above every kernel's highest process number. */
const IMPOSSIBLE_PID = 2_000_000_000

/**
 * Lets a server start although the number in its stale pid file belongs to another program now. The file stays, so that
 * PostgreSQL still checks that nobody holds the cluster's shared memory.
 */
export async function disownPidFile(cluster: string): Promise<void> {
  const file = path.join(cluster, 'postmaster.pid')
  const lines = (await readFile(file, 'utf8')).split('\n')
  await writeFile(file, [String(IMPOSSIBLE_PID), ...lines.slice(1)].join('\n'))
}
