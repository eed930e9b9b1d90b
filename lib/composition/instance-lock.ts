/** One control plane on a data folder at a time, and short commands beside it. Knows what they tell each other. */
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FileLock, findHolder, type LockAttempt, type LockNote, tryLock } from './file-lock.ts'
import { inWords } from './in-words.ts'
import { StartRefused } from './start-refused.ts'

const LOOK_EVERY_MS = 100

/** Thrown when another control plane serves this data folder. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning'
  /** Null while that one is still starting. */
  readonly url: string | null
  readonly pid: number
  constructor(holder: { pid: number; url: string | null }) {
    super(
      holder.url === null
        ? `Berth is already starting on this data folder (process ${holder.pid}).`
        : `Berth is already running: ${holder.url} (process ${holder.pid}).`,
    )
    this.pid = holder.pid
    this.url = holder.url
  }
}

export interface InstanceLock {
  /** From now on commands may use the database. */
  tellDatabaseReady(): Promise<void>
  tellAddress(url: string): Promise<void>
  /** From now on another control plane waits instead of giving up. */
  tellEnding(): Promise<void>
  release(): Promise<void>
}

/** What a command finds: the folder is its own until released, or a control plane has its database open. */
export type CommandTurn = { kind: 'alone'; release(): Promise<void> } | { kind: 'beside'; url: string | null }

const lockFile = (dataDirectory: string) => path.join(dataDirectory, 'berth.lock')
/** Commands are done within seconds, and a control plane that ends is, too. */
const willBeFreeSoon = (attempt: LockAttempt) =>
  attempt.holder?.note.purpose === 'command' || attempt.holder?.note.purpose === 'ending'
const addressOf = (attempt: LockAttempt) =>
  typeof attempt.holder?.note.url === 'string' ? attempt.holder.note.url : null

/** The lock of a control plane. Waits for one that is ending and for a command that is at work; throws AlreadyRunning for another control plane. */
export async function takeInstanceLock(dataDirectory: string, signal: AbortSignal): Promise<InstanceLock> {
  for (;;) {
    const attempt = await tryDataLock(dataDirectory, { purpose: 'server', databaseReady: false, url: null })
    if (attempt.lock !== null) return describeTo(attempt.lock)
    if (!willBeFreeSoon(attempt)) throw new AlreadyRunning({ pid: attempt.holder.pid, url: addressOf(attempt) })
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}

/** The first thing that is written into the data folder. Throws StartRefused where that cannot be. */
async function tryDataLock(dataDirectory: string, note: LockNote): Promise<LockAttempt> {
  try {
    return await inWords({ what: 'The data folder', folder: dataDirectory }, () =>
      tryLock(lockFile(dataDirectory), note),
    )
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    throw new StartRefused(
      `The data folder ${dataDirectory} cannot be written (${error.code}). Let this user write there, or name another folder in BERTH_DATA_DIR.`,
      { cause: error },
    )
  }
}

function describeTo(lock: FileLock): InstanceLock {
  const note = { purpose: 'server', databaseReady: true }
  return {
    tellDatabaseReady: () => lock.tell({ ...note, url: null }),
    tellAddress: (url) => lock.tell({ ...note, url }),
    tellEnding: () => lock.tell({ purpose: 'ending' }),
    release: lock.release,
  }
}

/** The control plane that serves this data folder, `url` null while it is starting; or null. Changes nothing. */
export async function findInstance(dataDirectory: string): Promise<{ pid: number; url: string | null } | null> {
  const holder = await findHolder(lockFile(dataDirectory))
  if (holder?.note.purpose !== 'server') return null
  return { pid: holder.pid, url: typeof holder.note.url === 'string' ? holder.note.url : null }
}

/** A command's turn. Waits while another command works, or a control plane has not opened its database yet. */
export async function takeCommandTurn(dataDirectory: string, signal: AbortSignal): Promise<CommandTurn> {
  for (;;) {
    const attempt = await tryDataLock(dataDirectory, { purpose: 'command' })
    if (attempt.lock !== null) return { kind: 'alone', release: attempt.lock.release }
    if (attempt.holder.note.databaseReady === true) return { kind: 'beside', url: addressOf(attempt) }
    await sleep(LOOK_EVERY_MS, undefined, { signal })
  }
}
