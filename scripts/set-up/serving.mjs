/** Finds the server of this very project folder. Linux only; elsewhere there is none. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { projectDirectory } from './project.mjs'

/** Its process number, or null. */
export async function findServing() {
  if (process.platform !== 'linux') return null
  const script = path.join(projectDirectory, 'scripts', 'serve.ts')
  for (const pid of await readdir('/proc')) {
    if (/^\d+$/.test(pid) && (await readArguments(pid)).includes(script)) return Number(pid)
  }
  return null
}

async function readArguments(pid) {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0')
  } catch (error) {
    // It has ended meanwhile, or is another user's on a system that hides them.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return []
    throw error
  }
}
