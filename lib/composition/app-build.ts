/** The built pages and routes: made again when what they are made of has changed. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { environmentWith } from '../config.ts'
import { tryLock } from './file-lock.ts'
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

/** Builds unless the last build was of these very sources. Of two processes at the same time one builds, the other waits. */
export async function ensureAppBuilt(build: AppBuild): Promise<void> {
  const { root, signal } = build
  const stampFile = path.join(root, '.next', 'berth-sources')
  const isBuilt = async () => (await readIfThere(stampFile)) === (await hashSources(root))
  while (!(await isBuilt())) {
    signal.throwIfAborted()
    const { lock } = await tryLock(path.join(root, 'node_modules', '.berth', 'build.lock'), {})
    if (lock === null) {
      await new Promise((resolve) => setTimeout(resolve, WAIT_FOR_OTHER_MS))
      continue
    }
    try {
      const stamp = await hashSources(root)
      await runBuild(build)
      await writeFile(stampFile, stamp)
      return
    } finally {
      await lock.release()
    }
  }
}

function runBuild({ root, onProgress, signal }: AppBuild): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = spawn(process.execPath, [path.join(root, 'node_modules/next/dist/bin/next'), 'build'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
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
    next.stdout.on('data', take)
    next.stderr.on('data', take)
    next.once('error', reject)
    next.once('close', (code, endedBy) => {
      if (code === 0) return resolve()
      const how = endedBy ?? `exit code ${code}`
      reject(
        new StartRefused(`The pages cannot be built (next build: ${how}). The end of its output:\n${lines.join('\n')}`),
      )
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
