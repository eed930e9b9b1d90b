/**
 * A project that is prepared with this one's scripts/set-up, and small: one dependency that lies beside it, so that npm needs no
 * registry, and a stand-in for Prisma that writes one file. Its path has a space and a letter beyond ASCII.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')

const GENERATE = `
const fs = require('node:fs')
fs.mkdirSync('lib/store/generated', { recursive: true })
fs.writeFileSync('lib/store/generated/client.ts', fs.readFileSync('prisma/schema.prisma'))
`
const PREPARE = `
import { prepareProject } from './set-up/prepare.mjs'
import { runMain } from './set-up/project.mjs'
await runMain(prepareProject)
`

export interface Prepared {
  code: number | null
  /** Standard error. */
  said: string
  output: string
}

export interface SampleProject {
  folder: string
  /** Makes the lock file ask for this version of the dependency. */
  declare(version: string): Promise<void>
  write(file: string, content: string): Promise<void>
  read(file: string): Promise<string>
  /** Starts the preparation. `said` answers what it said so far. */
  start(env?: Record<string, string>): { child: ChildProcess; said(): string; ended: Promise<Prepared> }
  /** `start`, to its end. */
  prepare(env?: Record<string, string>): Promise<Prepared>
  remove(): Promise<void>
}

export async function createSampleProject(): Promise<SampleProject> {
  const base = await mkdtemp(path.join(tmpdir(), 'berth-prepare-'))
  const folder = path.join(base, 'a projéct')
  const write = async (file: string, content: string) => {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
    await writeFile(path.join(folder, file), content)
  }
  await mkdir(folder)
  await cp(path.join(root, 'scripts/set-up'), path.join(folder, 'scripts/set-up'), { recursive: true })
  await write('scripts/prepare.mjs', PREPARE)
  await write('prisma/schema.prisma', 'schema 1')
  await write('parts/prisma/package.json', JSON.stringify({ name: 'prisma', version: '1.0.0' }))
  await write('parts/prisma/build/index.js', GENERATE)
  const start: SampleProject['start'] = (env = {}) => {
    const child = spawn(process.execPath, [path.join(folder, 'scripts/prepare.mjs')], {
      cwd: folder,
      env: { ...process.env, ...env },
    })
    let said = ''
    let output = ''
    child.stderr.on('data', (chunk) => {
      said += chunk
    })
    child.stdout.on('data', (chunk) => {
      output += chunk
    })
    const ended = new Promise<Prepared>((resolve) => child.once('close', (code) => resolve({ code, said, output })))
    return { child, said: () => said, ended }
  }
  const declare = (version: string) => declareParts(write, version)
  await declare('1.0.0')
  return {
    folder,
    declare,
    write,
    read: (file) => readFile(path.join(folder, file), 'utf8'),
    start,
    prepare: (env) => start(env).ended,
    remove: () => rm(base, { recursive: true, force: true }),
  }
}

async function declareParts(write: SampleProject['write'], version: string): Promise<void> {
  await write('parts/used/package.json', JSON.stringify({ name: 'used', version }))
  const dependencies = { used: 'file:parts/used' }
  const devDependencies = { prisma: 'file:parts/prisma' }
  const own = { name: 'sample', version: '1.0.0', dependencies, devDependencies }
  await write('package.json', JSON.stringify(own))
  const packages = {
    '': own,
    'node_modules/used': { resolved: 'parts/used', link: true },
    'node_modules/prisma': { resolved: 'parts/prisma', link: true },
    'parts/used': { version },
    'parts/prisma': { version: '1.0.0', dev: true },
  }
  const lock = { name: 'sample', version: '1.0.0', lockfileVersion: 3, requires: true, packages }
  await write('package-lock.json', JSON.stringify(lock))
}
