/** A folder for one build, named after the process that owns it, so that what a killed one left is found and removed. */
import { mkdtemp, readdir, rm, statfs } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { BerthError } from '../../../../errors.ts'

const PREFIX = 'berth-image-'

/** Runs `work` with a fresh folder and removes it afterwards, whatever happened. Throws `image_missing` where none can be made. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await makeFolder()
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function makeFolder(): Promise<string> {
  try {
    await removeAbandoned()
    return await mkdtemp(path.join(os.tmpdir(), `${PREFIX}${process.pid}-`))
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause)) throw cause
    throw new BerthError('image_missing', `The temporary folder ${os.tmpdir()} cannot be written (${cause.code}).`, {
      hint: 'Name another one: TMPDIR=/var/tmp npm start',
      cause,
    })
  }
}

/** Throws `image_missing` where fewer bytes can be written in a build's folder. */
export async function assertRoom(folder: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= neededBytes) return
  const megabytes = (bytes: number) => `${Math.floor(bytes / 1e6)} MB`
  throw new BerthError(
    'image_missing',
    `There is too little room in the temporary folder ${os.tmpdir()}: ${megabytes(neededBytes)} are needed, ${megabytes(free)} are free.`,
    { hint: 'Free some, or name another one: TMPDIR=/var/tmp npm start' },
  )
}

async function removeAbandoned() {
  const names = await readdir(os.tmpdir())
  const abandoned = names.filter((name) => {
    const pid = name.match(/^berth-image-(\d+)-/)?.[1]
    return pid !== undefined && !isAlive(Number(pid))
  })
  // Another user's folder stays: the sticky bit of the temporary folder says so.
  await Promise.allSettled(abandoned.map((name) => rm(path.join(os.tmpdir(), name), { recursive: true, force: true })))
}

/** Also true when it is another user's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
