/** A file that is written once: whole or not there, also when the process is killed or the machine loses its power. */
import { randomBytes } from 'node:crypto'
import { link, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** Answers the content of the file, which `make` gives when there is none. Of two that make it the first one stays. For its owner alone. */
export async function keepFirst(file: string, make: () => string): Promise<string> {
  const known = await readIfThere(file)
  if (known !== null) return known
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  await removeAbandoned(file)
  const draft = `${file}.${process.pid}.${randomBytes(6).toString('hex')}`
  try {
    await writeFile(draft, make(), { mode: 0o600, flush: true })
    await link(draft, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
  return await readFile(file, 'utf8')
}

/** Drafts of processes that were killed. */
async function removeAbandoned(file: string): Promise<void> {
  const folder = path.dirname(file)
  const prefix = `${path.basename(file)}.`
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(prefix) ? Number(/^(\d+)\.[0-9a-f]{12}$/.exec(name.slice(prefix.length))?.[1]) : 0
    if (pid > 0 && !isAlive(pid)) await rm(path.join(folder, name), { force: true })
  }
}

/** Also true when it is another user's. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !hasCode(error, 'ESRCH')
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return null
    throw error
  }
}

const hasCode = (error: unknown, code: string) => error instanceof Error && 'code' in error && error.code === code
