/** Installs the dependencies with npm ci: what it needs, how it goes on, and what was wrong. */
import { constants } from 'node:fs'
import { access, rm } from 'node:fs/promises'
import path from 'node:path'
import { listMissing, modulesDirectory, packagesOf, removeStamp, stamp } from './installed.mjs'
import { npmCacheDirectory, ownCacheDirectory, runNpm } from './npm.mjs'
import { describeDuration, projectDirectory, SetUpError, say } from './project.mjs'
import { describeBytes, measureFolder, readFreeBytes } from './room.mjs'

const TELL_EVERY_MS = 5_000
const LOOK_EVERY_MS = 500
/** Measured: 1,135 MB of packages, and 70 MB for the pages that are built afterwards. */
const NEEDED_BYTES = 1.25e9
/** Measured: 447 MB when it was empty. */
const CACHE_BYTES = 0.5e9
/** Less than this is as good as nothing. */
const FULL_BYTES = 20e6

/** Makes node_modules what the lock file says. Tells on standard error how it goes on; throws a SetUpError with what to do. */
export async function install(lockText) {
  await assertWritable()
  await assertRoom()
  await removeStamp()
  const began = performance.now()
  const packages = packagesOf(lockText)
  say(`Installing ${packages.length} packages (once, about a minute)`)
  const telling = setInterval(async () => {
    say(`  ${await countUnpacked(packages)} of ${packages.length}, ${describeDuration(performance.now() - began)}`)
  }, TELL_EVERY_MS)
  const room = watchRoom()
  try {
    await runNpm(['ci'])
    await assertComplete(lockText)
  } catch (error) {
    throw room.describeFull(error) ?? error
  } finally {
    clearInterval(telling)
    room.stop()
    await rm(ownCacheDirectory, { recursive: true, force: true })
  }
  await stamp(lockText)
  say(`  installed in ${describeDuration(performance.now() - began)}`)
}

/** What is for this machine and still optional may be left out: npm does so when it asks for another Node than npm's. */
async function assertComplete(lockText) {
  const missing = await listMissing(lockText)
  const needed = missing.find(({ optional }) => !optional)
  if (needed !== undefined) {
    throw new SetUpError(
      `npm ci ended without an error, but ${needed.where} is not there. See which of your npm settings leaves it out: npm config list`,
    )
  }
  for (const { where } of missing) say(`  npm left out ${where}`)
}

async function assertWritable() {
  for (const folder of [projectDirectory, modulesDirectory]) {
    try {
      await access(folder, constants.W_OK)
    } catch (error) {
      if (error.code === 'ENOENT') continue
      throw new SetUpError(
        `${folder} cannot be written (${error.code}), and the dependencies are installed there. Run this as the user whose it is, or copy the project to a folder of your own.`,
      )
    }
  }
}

async function assertRoom() {
  const free = await readFreeBytes(projectDirectory)
  if (free >= NEEDED_BYTES) return
  // What is there makes room: npm ci removes it first.
  const room = free + (await measureFolder(modulesDirectory))
  if (room >= NEEDED_BYTES) return
  throw new SetUpError(
    `There is too little room to install in ${projectDirectory}: ${describeBytes(NEEDED_BYTES)} are needed, ${describeBytes(room)} are free. Free some, and run this again.`,
  )
}

/** When npm fails it takes away what it wrote, so what was free must be looked at meanwhile. */
function watchRoom() {
  const folders = [
    { folder: projectDirectory, needed: NEEDED_BYTES, least: Number.POSITIVE_INFINITY },
    { folder: npmCacheDirectory(), needed: CACHE_BYTES, least: Number.POSITIVE_INFINITY },
  ]
  const look = async () => {
    for (const watched of folders) watched.least = Math.min(watched.least, await readFreeBytes(watched.folder))
  }
  // A folder that cannot be looked at says nothing; npm has words for that.
  const timer = setInterval(() => look().catch(() => clearInterval(timer)), LOOK_EVERY_MS)
  return {
    stop: () => clearInterval(timer),
    describeFull(cause) {
      const full = folders.find(({ least }) => least < FULL_BYTES)
      if (full === undefined) return null
      return new SetUpError(
        `The disk became full: only ${describeBytes(full.least)} were left where ${full.folder} lies, and installing needs ${describeBytes(full.needed)} there. Free some, and run this again; what is half installed is not used.`,
        { cause },
      )
    },
  }
}

async function countUnpacked(packages) {
  const found = await Promise.allSettled(
    packages.map(({ where }) => access(path.join(projectDirectory, where, 'package.json'))),
  )
  return found.filter(({ status }) => status === 'fulfilled').length
}
