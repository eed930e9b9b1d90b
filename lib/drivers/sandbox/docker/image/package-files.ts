/** The files of an npm package at an exact version: from node_modules where it is installed, else packed by the host's npm. */
import { execFile } from 'node:child_process'
import { constants, createReadStream } from 'node:fs'
import { access, mkdir, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGunzip } from 'node:zlib'
import { extract } from 'tar-stream'
import { BerthError } from '../../../../errors.ts'
import type { ContextFile } from './build-context.ts'

const run = promisify(execFile)

export interface PackageRequest {
  name: string
  version: string
  /** Which files, by path in the package. */
  keep(file: string): boolean
}

export interface PackageSource {
  /** The project, whose node_modules is looked into. */
  root: string
  temporaryDirectory: string
  onProgress(line: string): void
  signal: AbortSignal
}

/** Paths are those in the package. */
export async function readPackageFiles(request: PackageRequest, source: PackageSource): Promise<ContextFile[]> {
  const installed = path.join(source.root, 'node_modules', request.name)
  if ((await readInstalledVersion(installed)) === request.version) return readFolder(installed, request.keep)
  source.onProgress(`Fetching ${request.name} ${request.version} with npm`)
  return readArchive(await packWithNpm(request, source), request.keep)
}

async function readInstalledVersion(folder: string): Promise<string | null> {
  try {
    return JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')).version
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

async function readFolder(folder: string, keep: PackageRequest['keep']): Promise<ContextFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter(keep)
    .sort()
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(folder, name)
      const executable = ((await stat(file)).mode & 0o100) !== 0
      return { path: name, mode: executable ? 0o755 : 0o644, content: await readFile(file) }
    }),
  )
}

async function packWithNpm({ name, version }: PackageRequest, source: PackageSource): Promise<string> {
  const spec = `${name}@${version}`
  const { temporaryDirectory, signal } = source
  const args = ['pack', spec, '--json', '--loglevel=error', `--pack-destination=${temporaryDirectory}`]
  try {
    const { stdout } = await run('npm', [...args, ...(await cacheArguments(temporaryDirectory))], {
      cwd: temporaryDirectory,
      signal,
      maxBuffer: 16 * 1024 * 1024,
    })
    const [packed] = JSON.parse(stdout) as { filename: string }[]
    if (packed === undefined) throw new Error(`npm pack ${spec} answered ${stdout.slice(0, 200)}`)
    return path.join(temporaryDirectory, path.basename(packed.filename))
  } catch (error) {
    signal.throwIfAborted()
    throw new BerthError(
      'image_missing',
      `The agent image needs the npm package ${spec}, and \`npm pack ${spec}\` failed.`,
      {
        hint: `The last lines are npm's: the registry, its proxy or its certificate. When \`npm pack ${spec}\` works, run \`npm run build-container\`.`,
        details: { logTail: wordsOf(error) },
        cause: error,
      },
    )
  }
}

function wordsOf(error: unknown): string[] {
  const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
  return (said || String(error)).split('\n').slice(-20)
}

/** npm's own cache where this user may write it; in a home that is not there or read-only, one that goes with the build. */
async function cacheArguments(temporaryDirectory: string): Promise<string[]> {
  const { stdout } = await run('npm', ['config', 'get', 'cache'], { cwd: temporaryDirectory })
  const cache = stdout.trim()
  try {
    await mkdir(cache, { recursive: true })
    await access(cache, constants.W_OK)
    return []
  } catch {
    return [`--cache=${path.join(temporaryDirectory, 'npm-cache')}`]
  }
}

async function readArchive(archive: string, keep: PackageRequest['keep']): Promise<ContextFile[]> {
  const files: ContextFile[] = []
  const unpack = extract()
  const read = (async () => {
    for await (const entry of unpack) {
      const name = entry.header.name.replace(/^[^/]+\//, '')
      const wanted = entry.header.type === 'file' && keep(name)
      const chunks: Buffer[] = []
      for await (const chunk of entry as AsyncIterable<Buffer>) if (wanted) chunks.push(chunk)
      const executable = ((entry.header.mode ?? 0) & 0o100) !== 0
      if (wanted) files.push({ path: name, mode: executable ? 0o755 : 0o644, content: Buffer.concat(chunks) })
    }
  })()
  await Promise.all([pipeline(createReadStream(archive), createGunzip(), unpack), read])
  return files
}
