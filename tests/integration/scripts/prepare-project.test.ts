import { spawn } from 'node:child_process'
import { access, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createSampleProject, type SampleProject } from '../../support/sample-project.ts'

let project: SampleProject
beforeEach(async () => {
  project = await createSampleProject()
})
afterEach(() => project.remove())

const INSTALLING = 'Installing 4 packages'
const isThere = (file: string) =>
  access(path.join(project.folder, file)).then(
    () => true,
    () => false,
  )
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/**
 * An npm that takes away a package, says its process number in a file, and then hangs; as the real one, it does not end when it is
 * told to. Answers the settings that name it.
 */
async function hangingNpm(): Promise<Record<string, string>> {
  await project.write(
    'bin/npm-cli.js',
    `const fs = require('node:fs')
     process.on('SIGTERM', () => {})
     fs.rmSync('node_modules/used', { force: true })
     fs.writeFileSync('npm-pid', String(process.pid))
     setInterval(() => {}, 1000)`,
  )
  return { npm_execpath: path.join(project.folder, 'bin/npm-cli.js'), npm_node_execpath: process.execPath }
}

async function killWhileNpmHangs(): Promise<void> {
  const { child, ended } = project.start(await hangingNpm())
  await expect.poll(() => isThere('npm-pid'), { timeout: 10_000 }).toBe(true)
  child.kill('SIGKILL')
  await ended
  const npm = Number(await project.read('npm-pid'))
  await expect.poll(() => isAlive(npm), { timeout: 10_000 }).toBe(false)
}

describe('prepareProject', () => {
  it('installs what the lock file says and generates the client, and is silent when both are there', async () => {
    const first = await project.prepare()
    expect(first.code, first.said).toBe(0)
    expect(first.said).toContain(INSTALLING)
    expect(first.said).toContain('installed in')
    expect(first.said).toContain('database client generated in')
    expect(first.output).toBe('')
    expect(await project.read('node_modules/used/package.json')).toContain('"used"')
    expect(await project.read('lib/store/generated/client.ts')).toBe('schema 1')
    expect(await project.prepare()).toEqual({ code: 0, said: '', output: '' })
  })

  it('installs again when the lock file has changed, and generates again when the schema has', async () => {
    await project.prepare()
    await project.declare('2.0.0')
    const installed = await project.prepare()
    expect(installed.said).toContain(INSTALLING)
    expect(installed.said).not.toContain('generated')
    await project.write('prisma/schema.prisma', 'schema 2')
    const generated = await project.prepare()
    expect(generated.said).not.toContain('Installing')
    expect(await project.read('lib/store/generated/client.ts')).toBe('schema 2')
    expect((await project.prepare()).said).toBe('')
  })

  it('leaves what a person installed by hand as it is', async () => {
    await project.prepare()
    await rm(path.join(project.folder, 'node_modules/.berth'), { recursive: true })
    expect((await project.prepare()).said).toBe('')
  })

  it('installs again what npm was told to leave out afterwards', async () => {
    await project.prepare()
    const record = JSON.parse(await project.read('node_modules/.package-lock.json'))
    delete record.packages['node_modules/prisma']
    await project.write('node_modules/.package-lock.json', JSON.stringify(record))
    expect((await project.prepare()).said).toContain(INSTALLING)
  })

  it('does without what only development needs where NODE_ENV is production', async () => {
    await project.prepare()
    const lock = JSON.parse(await project.read('package-lock.json'))
    lock.packages['node_modules/for-tests'] = { version: '1.0.0', dev: true }
    await project.write('package-lock.json', JSON.stringify(lock))
    expect(await project.prepare({ NODE_ENV: 'production' })).toEqual({ code: 0, said: '', output: '' })
    expect((await project.prepare({ NODE_ENV: '' })).said).toContain('Installing 5 packages')
  })

  it("installs again when this machine's own package is missing, as in a folder that was copied from another kind", async () => {
    await project.prepare()
    const lock = JSON.parse(await project.read('package-lock.json'))
    const resolved = 'http://127.0.0.1:9/own-1.0.0.tgz'
    const own = { version: '1.0.0', resolved, optional: true, os: [process.platform], cpu: [process.arch] }
    const others = { version: '1.0.0', optional: true, os: ['aix'], cpu: [process.arch] }
    lock.packages = { ...lock.packages, 'node_modules/others': others }
    await project.write('package-lock.json', JSON.stringify(lock))
    expect((await project.prepare()).said).toBe('')
    lock.packages = { ...lock.packages, 'node_modules/own': own }
    await project.write('package-lock.json', JSON.stringify(lock))
    const { code, said } = await project.prepare({ npm_config_fetch_retries: '0' })
    expect(code).toBe(0)
    expect(said).toContain('Installing 5 packages')
    expect(said).toContain('npm left out node_modules/own')
  })

  it.each([
    ['NODE_ENV', 'production'],
    ['npm_config_omit', 'dev'],
    ['npm_config_only', 'prod'],
    ['npm_config_dry_run', 'true'],
    ['npm_config_ignore_scripts', 'true'],
    ['npm_config_install_strategy', 'linked'],
    ['npm_config_global', 'true'],
  ])('is not misled by %s=%s', async (name, value) => {
    const { code, said } = await project.prepare({ [name]: value })
    expect(code, said).toBe(0)
    expect(await isThere('node_modules/prisma/package.json')).toBe(true)
    expect((await project.prepare()).said).toBe('')
  })

  it("installs where npm's own cache cannot be written, and leaves no other behind", async () => {
    await writeFile(path.join(project.folder, 'file'), '')
    const { code, said } = await project.prepare({ npm_config_cache: path.join(project.folder, 'file', 'cache') })
    expect(code, said).toBe(0)
    expect(await isThere('.npm-cache')).toBe(false)
  })

  it('ends with words and status 1 when npm fails', async () => {
    await project.write('package.json', JSON.stringify({ name: 'sample', dependencies: { other: '1.0.0' } }))
    const { code, said } = await project.prepare()
    expect(code).toBe(1)
    expect(said).toContain(
      'npm ci failed (EUSAGE); its own words are above. package.json and package-lock.json do not belong together. Bring both back: git checkout package*.json',
    )
    expect(said).not.toContain('    at ')
  })

  it('says what to do about a registry that does not answer, while npm still tries', async () => {
    const lock = JSON.parse(await project.read('package-lock.json'))
    lock.packages['node_modules/far'] = { version: '1.0.0', resolved: 'http://127.0.0.1:9/far-1.0.0.tgz' }
    lock.packages[''].dependencies.far = '1.0.0'
    await project.write('package-lock.json', JSON.stringify(lock))
    await project.write('package.json', JSON.stringify(lock.packages['']))
    const { code, said } = await project.prepare({
      npm_config_fetch_retries: '1',
      npm_config_fetch_retry_mintimeout: '10',
      npm_config_cache: '',
    })
    expect(code).toBe(1)
    const meanwhile =
      '  npm does not reach its registry (ECONNREFUSED), and tries again for some minutes. Check the network'
    expect(said.split(meanwhile)).toHaveLength(2)
    expect(said.indexOf(meanwhile)).toBeLessThan(said.indexOf('npm error'))
    expect(said).not.toContain('npm http')
    expect(said).toContain('npm ci failed (ECONNREFUSED); its own words are above. Check the network, and HTTPS_PROXY')
  })

  it('says what to do about a client that cannot be generated', async () => {
    await project.write('parts/prisma/build/index.js', 'console.error("no such model"); process.exit(1)')
    const { code, said } = await project.prepare()
    expect(code).toBe(1)
    expect(said).toContain('The database client cannot be generated from prisma/schema.prisma')
    expect(said).toContain('no such model')
  })

  it('killed while npm is at work, it takes npm along, and the next one installs anew', async () => {
    await killWhileNpmHangs()
    const next = await project.prepare()
    expect(next.code, next.said).toBe(0)
    expect(next.said).toContain(INSTALLING)
    expect(await isThere('node_modules/used/package.json')).toBe(true)
  })

  it('does not take what a killed npm left for what was there before, when the lock file is back', async () => {
    await project.prepare()
    await project.declare('2.0.0')
    await killWhileNpmHangs()
    await project.declare('1.0.0')
    expect((await project.prepare()).said).toContain(INSTALLING)
    expect(await isThere('node_modules/used/package.json')).toBe(true)
  })

  it('does not take half a client for a whole one, when the schema is back', async () => {
    await project.prepare()
    await project.write('prisma/schema.prisma', 'schema 2')
    await project.write(
      'parts/prisma/build/index.js',
      'require("node:fs").writeFileSync("lib/store/generated/client.ts", "half"); process.exit(1)',
    )
    expect((await project.prepare()).code).toBe(1)
    await project.write('prisma/schema.prisma', 'schema 1')
    expect((await project.prepare()).code).toBe(1)
  })

  it('of two at the same time one installs, and the other waits', async () => {
    const both = await Promise.all([project.prepare(), project.prepare()])
    expect(both.map(({ code }) => code)).toEqual([0, 0])
    expect(both.filter(({ said }) => said.includes(INSTALLING))).toHaveLength(1)
    expect(both.filter(({ said }) => said.includes('Another npm command prepares this folder'))).toHaveLength(1)
  })

  it('does not wait for one that was killed', async () => {
    const { child, ended } = project.start(await hangingNpm())
    await expect.poll(() => isThere('npm-pid'), { timeout: 10_000 }).toBe(true)
    const waiting = project.start()
    await expect.poll(waiting.said, { timeout: 10_000 }).toContain('Another npm command prepares this folder')
    child.kill('SIGKILL')
    await ended
    const { code, said } = await waiting.ended
    expect(code, said).toBe(0)
  })

  it('does not replace the dependencies beneath a server that runs from the folder', async () => {
    await project.prepare()
    await project.declare('2.0.0')
    await project.write('scripts/serve.ts', 'setInterval(() => {}, 1000)')
    const server = spawn(process.execPath, [path.join(project.folder, 'scripts/serve.ts')], { stdio: 'ignore' })
    try {
      const { code, said } = await project.prepare()
      expect(code).toBe(1)
      expect(said).toBe(
        `The dependencies have changed, and Berth runs from this folder (process ${server.pid}): they cannot be replaced beneath it. End it (Ctrl+C, or kill ${server.pid}), and run this again.\n`,
      )
    } finally {
      server.kill('SIGKILL')
    }
  })
})
