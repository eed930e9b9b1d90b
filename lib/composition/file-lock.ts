/**
 * One process at a time, by a file that says who. Survives kill -9: a holder that is gone is recognised by its number and its
 * start time, and its lock is taken over. Knows nothing of what is locked.
 */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'

/** What a holder tells others about itself. */
export type LockNote = Record<string, string | boolean | null>

const content = z.object({
  pid: z.number().int().positive(),
  /** Tells two processes with the same number apart; null where the system does not say. */
  startedAt: z.string().nullable(),
  /** Where the lock was made: one that was copied along with its folder holds nothing. Earlier versions did not say. */
  file: z.string().optional(),
  note: z.record(z.string(), z.union([z.string(), z.boolean(), z.null()])),
})
type Content = z.infer<typeof content>

export interface FileLock {
  /** Replaces what others read of the holder. */
  tell(note: LockNote): Promise<void>
  /** Idempotent. */
  release(): Promise<void>
}

export type LockAttempt = { lock: FileLock; holder: null } | { lock: null; holder: { pid: number; note: LockNote } }

/** Takes the lock, or answers who has it. Waits for nobody. */
export async function tryLock(file: string, note: LockNote): Promise<LockAttempt> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const startedAt = await readStartTime(process.pid)
  const own: Content = { pid: process.pid, startedAt, file: await resolveFile(file), note }
  for (;;) {
    if (await createWith(file, own)) return { lock: held(file, own), holder: null }
    const found = await readLock(file)
    if (found === null) continue
    if (found.content !== null && (await isHeld(file, found.content))) {
      return { lock: null, holder: { pid: found.content.pid, note: found.content.note } }
    }
    await removeStale(file, found.text)
  }
}

/** Who holds the lock, or null. Takes nothing and changes nothing. */
export async function findHolder(file: string): Promise<{ pid: number; note: LockNote } | null> {
  const content = (await readLock(file))?.content ?? null
  if (content === null || !(await isHeld(file, content))) return null
  return { pid: content.pid, note: content.note }
}

function held(file: string, own: Content): FileLock {
  let released = false
  return {
    async tell(note) {
      const draft = draftName(file)
      await writeFile(draft, JSON.stringify({ ...own, note }), { mode: 0o600 })
      await rename(draft, file)
    },
    async release() {
      if (released) return
      released = true
      await rm(file, { force: true })
    },
  }
}

const draftName = (file: string) => `${file}.${randomBytes(6).toString('hex')}`
const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code

/** False when the file is there. A link appears with all its content, unlike a file that is created and then written. */
async function createWith(file: string, own: Content): Promise<boolean> {
  const draft = draftName(file)
  await writeFile(draft, JSON.stringify(own), { mode: 0o600 })
  try {
    await link(draft, file)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  } finally {
    await rm(draft)
  }
}

interface FoundLock {
  text: string
  /** Null for a file that is no lock of ours. */
  content: Content | null
}

async function readLock(file: string): Promise<FoundLock | null> {
  try {
    const text = await readFile(file, 'utf8')
    return { text, content: parseContent(text) }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

function parseContent(text: string): Content | null {
  try {
    return content.safeParse(JSON.parse(text)).data ?? null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** Moves it away first: of two that find it stale one gets it, and a lock that was made meanwhile is put back. */
async function removeStale(file: string, text: string): Promise<void> {
  const aside = draftName(file)
  try {
    await rename(file, aside)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return
    throw error
  }
  if ((await readFile(aside, 'utf8')) !== text) await link(aside, file)
  await rm(aside)
}

/** By whichever name its folder is called. */
async function resolveFile(file: string): Promise<string> {
  return path.join(await realpath(path.dirname(file)), path.basename(file))
}

async function isHeld(file: string, { pid, startedAt, file: made }: Content): Promise<boolean> {
  if (made !== undefined && made !== (await resolveFile(file))) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (hasCode(error, 'ESRCH')) return false
    if (!hasCode(error, 'EPERM')) throw error
  }
  return startedAt === (await readStartTime(pid))
}

/**
 * The boot and the ticks since then at which a process began (field 22 of /proc/<pid>/stat). Null without /proc, for a process
 * that is gone, and for one that has ended and only waits to be reaped (state Z).
 */
async function readStartTime(pid: number): Promise<string | null> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ])
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return afterName[0] === 'Z' ? null : `${boot.trim()} ${afterName[19]}`
  } catch (error) {
    if (hasCode(error, 'ENOENT') || hasCode(error, 'ESRCH')) return null
    throw error
  }
}
