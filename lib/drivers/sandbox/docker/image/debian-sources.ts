/** Where this machine's apt gets the packages of its distribution from. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'

export interface AptSource {
  file: string
  /** Where apt expects it below /etc/apt. */
  target: string
  /** Keys it names by path. */
  keys: string[]
}

/** The distribution's own archives; what else this machine installs from has no place in a base image. */
export async function findSources(): Promise<AptSource[]> {
  const inParts = (await listFolder('/etc/apt/sources.list.d')).filter((name) =>
    /^(debian|ubuntu).*\.(list|sources)$/.test(name),
  )
  const candidates = ['sources.list', ...inParts.map((name) => `sources.list.d/${name}`)]
  const sources = await Promise.all(
    candidates.map(async (target) => {
      const file = path.join('/etc/apt', target)
      const text = await readOrEmpty(file)
      const keys = [...text.matchAll(/signed-by\s*[:=]\s*(\/[^\s\]]+)/gi)].map((match) => match[1] ?? '')
      return /^(deb\s|URIs:)/m.test(text) ? { file, target, keys } : null
    }),
  )
  return sources.filter((source) => source !== null)
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isAbsent(error)) return []
    throw error
  }
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return ''
    throw error
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
