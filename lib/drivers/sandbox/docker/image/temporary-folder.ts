/** A folder for one build, named after the process that owns it, so that what a killed one left is found and removed. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'

const PREFIX = 'berth-image-'

/** Runs `work` with a fresh folder and removes it afterwards, whatever happened. */
export async function withTemporaryFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await removeAbandoned()
  const folder = await mkdtemp(path.join(os.tmpdir(), `${PREFIX}${process.pid}-`))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
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
