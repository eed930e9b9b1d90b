/** Who listens on a port of this machine, for the message that it is taken. Linux only; elsewhere nobody is named. */
import { readdir, readFile, readlink } from 'node:fs/promises'
import path from 'node:path'

const LISTENING = '0A'

const SERVER = '/scripts/serve.ts'

/** "node (process 123)", "another Berth (process 123, in /srv/berth)", or null when it cannot be told (another user's program, or no /proc). */
export async function describePortHolder(port: number): Promise<string | null> {
  const sockets = new Set((await findListeningInodes(port)).map((inode) => `socket:[${inode}]`))
  if (sockets.size === 0) return null
  for (const pid of (await orNothing(readdir('/proc'))) ?? []) {
    if (!/^\d+$/.test(pid)) continue
    for (const descriptor of (await orNothing(readdir(`/proc/${pid}/fd`))) ?? []) {
      const target = await orNothing(readlink(`/proc/${pid}/fd/${descriptor}`))
      if (target === null || !sockets.has(target)) continue
      return describeProgram((await orNothing(readFile(`/proc/${pid}/cmdline`, 'utf8')))?.split('\0') ?? [], pid)
    }
  }
  return null
}

function describeProgram(commandLine: string[], pid: string): string {
  const server = commandLine.find((argument) => argument.endsWith(SERVER))
  if (server !== undefined) return `another Berth (process ${pid}, in ${server.slice(0, -SERVER.length)})`
  return `${path.basename(commandLine[0] || 'a program')} (process ${pid})`
}

/** Columns of /proc/net/tcp: 1 local address as HEX:PORT, 3 state, 9 inode. */
async function findListeningInodes(port: number): Promise<string[]> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => orNothing(readFile(file, 'utf8'))))
  return tables
    .flatMap((table) => (table ?? '').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[1]?.endsWith(suffix) && columns[3] === LISTENING)
    .flatMap((columns) => columns[9] ?? [])
}

/** Processes end while they are looked at, and other users' are closed: both say nothing about the port. */
async function orNothing<T>(looking: Promise<T>): Promise<T | null> {
  try {
    return await looking
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}
