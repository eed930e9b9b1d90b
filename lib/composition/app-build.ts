/** The built pages and routes: made again when what they are made of has changed. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { environmentWith } from '../config.ts'
import { tryLock } from './file-lock.ts'
import { inWords } from './in-words.ts'
import { StartRefused } from './start-refused.ts'

const SOURCES = ['app', 'lib', 'container/contract', 'public', 'prisma/schema.prisma', 'package-lock.json']
const SOURCES_AT_ROOT = ['next.config.ts', 'postcss.config.mjs', 'tsconfig.json', 'proxy.ts']
const WAIT_FOR_OTHER_MS = 200
const OUTPUT_TAIL_LINES = 40

export interface AppBuild {
  root: string
  onProgress(line: string): void
  signal: AbortSignal
}

/**
 * Builds unless the last build was of these very sources. Of two processes at the same time one builds, the other waits. Throws
 * StartRefused with what was wrong.
 */
export async function ensureAppBuilt(build: AppBuild): Promise<void> {
  await inWords({ what: `The project's folder`, folder: build.root }, () => buildUnlessBuilt(build))
}

async function buildUnlessBuilt(build: AppBuild): Promise<void> {
  const { root, signal } = build
  const stampFile = path.join(root, '.next', 'berth-sources')
  const isWhole = async () => (await readIfThere(path.join(root, '.next', 'BUILD_ID'))) !== null
  const isBuilt = async () => (await isWhole()) && (await readIfThere(stampFile)) === (await hashSources(root))
  while (!(await isBuilt())) {
    signal.throwIfAborted()
    const { lock } = await tryLock(path.join(root, 'node_modules', '.berth', 'build.lock'), {})
    if (lock === null) {
      await new Promise((resolve) => setTimeout(resolve, WAIT_FOR_OTHER_MS))
      continue
    }
    try {
      // Another may have built between the look and the lock.
      if (await isBuilt()) return
      const stamp = await hashSources(root)
      await assertRoom(root)
      // What is half built must not be taken for the whole, also when the sources are back at what they were.
      await rm(stampFile, { force: true })
      await runBuild(build).catch(async (error: unknown) => {
        throw (await describeFull(root)) ?? error
      })
      if (!(await isWhole())) {
        throw new StartRefused('next build ended without an error, but .next/BUILD_ID is not there. Start again.')
      }
      await writeFile(stampFile, stamp)
      return
    } finally {
      await lock.release()
    }
  }
}

/** Measured: 66 MB, and the build's own scratch files. */
const NEEDED_BYTES = 150e6

/** Less than this is as good as nothing. */
const FULL_BYTES = 10e6

async function assertRoom(root: string): Promise<void> {
  const free = await readFreeBytes(root)
  if (free < NEEDED_BYTES) throw tooLittle('There is too little room to build the pages', root, free)
}

/** For a build that failed; what it wrote is still there. */
async function describeFull(root: string): Promise<StartRefused | null> {
  const free = await readFreeBytes(root)
  return free < FULL_BYTES ? tooLittle('The disk became full while the pages were built', root, free) : null
}

function tooLittle(what: string, root: string, free: number): StartRefused {
  return new StartRefused(
    `${what} in ${root}: ${NEEDED_BYTES / 1e6} MB are needed, ${Math.floor(free / 1e6)} MB are free. Free some, and start again.`,
  )
}

async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Measured: with 1 GB for all of Berth it goes through, with half of that it does not. */
const WANT_OF_MEMORY =
  '(next build was ended by the system, mostly for want of memory): together with the database this takes 1 GB. Add memory or swap, or end what uses it, and start again.'

function runBuild({ root, onProgress, signal }: AppBuild): Promise<void> {
  // It ends with this process: one that went on would write into what the next start builds.
  const endWithParent = pathToFileURL(path.join(root, 'scripts/set-up/end-with-parent.mjs')).href
  const program = path.join(root, 'node_modules/next/dist/bin/next')
  return new Promise((resolve, reject) => {
    const next = spawn(process.execPath, ['--import', endWithParent, program, 'build'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: environmentWith({ NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1', NO_COLOR: '1' }),
      signal,
    })
    const lines: string[] = []
    const take = (chunk: Buffer) => {
      for (const line of chunk.toString('utf8').split('\n')) {
        if (line.trim() === '') continue
        lines.push(line)
        onProgress(line.trim())
      }
      lines.splice(0, lines.length - OUTPUT_TAIL_LINES)
    }
    for (const output of [next.stdout, next.stderr]) output?.on('data', take)
    next.once('error', (error) => reject(signal.aborted ? signal.reason : error))
    next.once('close', (code, endedBy) => {
      if (code === 0) return resolve()
      const how = endedBy === 'SIGKILL' ? WANT_OF_MEMORY : `(next build: ${endedBy ?? `exit code ${code}`}).`
      reject(new StartRefused(`The pages cannot be built ${how} The end of its output:\n${lines.join('\n')}`))
    })
  })
}

/** One number for everything that the build reads of this project. */
export async function hashSources(root: string): Promise<string> {
  const files = [...SOURCES_AT_ROOT, ...(await Promise.all(SOURCES.map((source) => listFiles(root, source)))).flat()]
  const hash = createHash('sha256').update(process.version)
  for (const file of files) {
    const content = await readIfThere(path.join(root, file))
    if (content !== null) hash.update(`${file}\0${content.length}\0${content}`)
  }
  return hash.digest('hex')
}

/** Paths from `root`, in order; what is generated is left out, for it follows from the rest. */
async function listFiles(root: string, source: string): Promise<string[]> {
  try {
    const entries = await readdir(path.join(root, source), { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
      .filter((file) => !file.startsWith('lib/store/generated'))
      .sort()
  } catch (error) {
    if (isAbsent(error)) return []
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return [source]
    throw error
  }
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isAbsent(error)) return null
    throw error
  }
}

const isAbsent = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'ENOENT'
