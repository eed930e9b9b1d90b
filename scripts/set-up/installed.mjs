/** Whether node_modules is what package-lock.json says, on this kind of machine. Changes nothing but its own stamp. */
import { createHash } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { projectDirectory } from './project.mjs'

export const modulesDirectory = path.join(projectDirectory, 'node_modules')
/** npm's own, written at the end of everything that it does to node_modules. */
const npmRecord = path.join(modulesDirectory, '.package-lock.json')
/** Inside node_modules, so that it goes with what it vouches for. */
const stampFile = path.join(modulesDirectory, '.berth', 'installed')

export async function readLockFile() {
  return await readFile(path.join(projectDirectory, 'package-lock.json'), 'utf8')
}

/** True when this lock file was installed here, and npm has done nothing since. Takes milliseconds. */
export async function isStamped(lockText) {
  return (await readIfThere(stampFile)) === (await describeState(lockText))
}

export async function stamp(lockText) {
  await mkdir(path.dirname(stampFile), { recursive: true })
  await writeFile(stampFile, await describeState(lockText))
}

/** Before node_modules is changed: what is half done must not be taken for the whole, by npm's record neither. */
export async function removeStamp() {
  for (const file of [stampFile, npmRecord]) await rm(file, { force: true })
}

async function describeState(lockText) {
  const hash = createHash('sha256')
  const parts = [lockText, (await readIfThere(npmRecord)) ?? '', process.platform, process.arch]
  for (const part of isProduction() ? [...parts, 'production'] : parts) {
    hash.update(`${part.length}:${part}`)
  }
  return hash.digest('hex')
}

/**
 * The packages that this machine needs, as paths below the project. Not among them: those of other platforms, and where NODE_ENV
 * is production, as in the image of docker-compose.yml, those that only development needs.
 */
export function packagesOf(lockText) {
  return Object.entries(JSON.parse(lockText).packages)
    .filter(([where, { dev, optional, os, cpu, libc }]) => {
      if (where === '' || (dev && isProduction())) return false
      // One that is for every platform and still optional may fail to install.
      if (optional && os === undefined && cpu === undefined) return false
      return suits(os, process.platform) && suits(cpu, process.arch) && (libc === undefined || suits(libc, ownLibc()))
    })
    .map(([where, { version, optional = false }]) => ({ where, version, optional }))
}

const isProduction = () => process.env.NODE_ENV === 'production'

/** The packages that npm's record does not name in the lock file's version. */
export async function listMissing(lockText) {
  const record = await readIfThere(npmRecord)
  const installed = record === null ? {} : JSON.parse(record).packages
  const isThere = ({ where, version }) => installed[where] !== undefined && installed[where].version === version
  return packagesOf(lockText).filter((needed) => !isThere(needed))
}

/** npm's lists for os, cpu and libc (or one name): those that are allowed, or with a ! before them those that are not. */
function suits(given, own) {
  if (given === undefined) return true
  const list = [given].flat()
  const refused = list.filter((name) => name.startsWith('!'))
  if (refused.includes(`!${own}`)) return false
  return refused.length === list.length || list.includes(own)
}

function ownLibc() {
  if (process.platform !== 'linux') return process.platform
  return process.report.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc'
}

async function readIfThere(file) {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}
