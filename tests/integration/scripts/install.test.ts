import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')
let project = ''

/** A project with a dependency that lies beside it, so that npm needs no registry. */
beforeEach(async () => {
  project = path.join(await mkdtemp(path.join(tmpdir(), 'berth-install-')), 'a project')
  await mkdir(path.join(project, 'scripts'), { recursive: true })
  await cp(path.join(root, 'scripts/set-up'), path.join(project, 'scripts/set-up'), { recursive: true })
  await write(
    'scripts/install.mjs',
    "import { ensureInstalled } from './set-up/install.mjs'\nimport { runMain } from './set-up/project.mjs'\nawait runMain(ensureInstalled)\n",
  )
  await declare('1.0.0')
})
afterEach(() => rm(path.dirname(project), { recursive: true }))

const write = (file: string, content: string) => writeFile(path.join(project, file), content)

async function declare(version: string): Promise<void> {
  await mkdir(path.join(project, 'part'), { recursive: true })
  await write('part/package.json', JSON.stringify({ name: 'part', version }))
  const own = { name: 'sample', version: '1.0.0', dependencies: { part: 'file:part' } }
  await write('package.json', JSON.stringify(own))
  await write(
    'package-lock.json',
    JSON.stringify({
      name: 'sample',
      version: '1.0.0',
      lockfileVersion: 3,
      requires: true,
      packages: { '': own, 'node_modules/part': { resolved: 'part', link: true }, part: { version } },
    }),
  )
}

/** `node scripts/install.mjs`: its exit code and what it says. */
function install(): Promise<{ code: number; said: string; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(project, 'scripts/install.mjs')], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), said: stderr, output: stdout }),
    )
  })
}

const installed = async () => JSON.parse(await readFile(path.join(project, 'node_modules/part/package.json'), 'utf8'))

describe('ensureInstalled', () => {
  it('installs what the lock file says, and is silent when that is there', async () => {
    const first = await install()
    expect(first.code, first.said).toBe(0)
    expect(first.said).toContain('Installing the dependencies')
    expect(first.output).toBe('')
    expect(await installed()).toMatchObject({ name: 'part' })
    expect(await install()).toEqual({ code: 0, said: '', output: '' })
  })

  it('installs again when the lock file has changed', async () => {
    await install()
    await declare('2.0.0')
    expect((await install()).said).toContain('Installing the dependencies')
    expect((await install()).said).toBe('')
  })

  it('ends with words and status 1 when npm fails', async () => {
    await write('package.json', JSON.stringify({ name: 'sample', version: '1.0.0', dependencies: { other: '1.0.0' } }))
    const { code, said } = await install()
    expect(code).toBe(1)
    expect(said).toContain('npm ci failed (exit code 1)')
    expect(said).not.toContain('at async')
  })
})
