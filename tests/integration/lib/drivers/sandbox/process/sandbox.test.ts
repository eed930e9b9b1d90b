/** What is particular to sandboxes that are processes: they outlive whoever made them, and nothing of them outlives their end. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBridgeClient } from '../../../../../../lib/drivers/bridge/bridge-client.ts'
import type { Sandbox, SandboxDriver, SandboxSpec } from '../../../../../../lib/drivers/sandbox/port.ts'
import { projectEntries } from '../../../../../../lib/drivers/sandbox/process/create-process-driver.ts'
import { randomIds } from '../../../../../../lib/ids.ts'
import { projectDirectory } from '../../../../../../scripts/project-directory.ts'
import { askBridge } from '../../../../../contract/sandbox-driver.ts'
import {
  findProcesses,
  findPrograms,
  makeProcessRig,
  type ProcessRig,
  untilGone,
} from '../../../../../support/process-rig.ts'

const installationId = randomIds.next('ins')
const fixture = (name: string) => path.join(projectDirectory, 'tests/fixtures', name)

let rig: ProcessRig
let driver: SandboxDriver
const children: ChildProcess[] = []

beforeEach(async () => {
  rig = await makeProcessRig({
    images: {
      berth: projectEntries(projectDirectory),
      busy: { bridge: fixture('stand-in-bridge.ts'), runner: fixture('busy-runner.ts') },
    },
    machine: { PATH: process.env.PATH ?? '' },
  })
  driver = rig.driver
})
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  for (const sandbox of await driver.list({ installationId })) await driver.remove(sandbox)
  await rig.close()
})

function specify(change: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    installationId,
    agentId: randomIds.next('agt'),
    incarnation: randomIds.next('inc'),
    image: 'good',
    memoryBytes: 512 * 1024 * 1024,
    nanoCpus: 1_000_000_000,
    pids: 512,
    tmpBytes: 64 * 1024 * 1024,
    bridgeTokenSha256: 'a'.repeat(64),
    agentEnv: {},
    ...change,
  }
}

const filesOf = (spec: SandboxSpec) => path.join(rig.root, installationId, spec.agentId, 'sandboxes', spec.incarnation)
const runFolderOf = (spec: SandboxSpec): string =>
  JSON.parse(readFileSync(path.join(filesOf(spec), 'sandbox.json'), 'utf8')).runFolder
const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')

async function started(child: ChildProcess): Promise<ChildProcess> {
  children.push(child)
  await once(child, 'spawn')
  return child
}

describe('a control plane that was killed', () => {
  it('leaves its sandbox running, and the next one finds it, hears its end and can start it again', async () => {
    const spec = specify()
    const host = spawn(process.execPath, [fixture('process-driver-host.ts'), rig.root, JSON.stringify(spec)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await started(host)
    await once(host.stdout, 'data')
    host.kill('SIGKILL')
    await once(host, 'exit')

    const [found] = await driver.list({ installationId, agentId: spec.agentId })
    expect(found).toMatchObject({ incarnation: spec.incarnation, state: 'running', exitCode: null })
    expect(await askBridge(driver, spec)).toMatchObject({ incarnation: spec.incarnation })
    expect(await rig.countRunners(spec)).toBe(1)

    const ended = Promise.withResolvers<Sandbox>()
    await driver.watch(installationId, ended.resolve)
    await rig.killOutside(spec)
    expect(await ended.promise).toMatchObject({ incarnation: spec.incarnation, state: 'stopped', exitCode: 137 })
    expect(await rig.countRunners(spec)).toBe(0)

    expect(await driver.start(spec)).toMatchObject({ engineId: found?.engineId, state: 'running' })
    expect(await askBridge(driver, spec)).toMatchObject({ incarnation: spec.incarnation })
  })

  it('and whose sandbox then ended, ends what that left when it comes back', async () => {
    const spec = specify()
    await driver.create(spec)
    await rig.killOutside(spec)
    await expect.poll(() => driver.list({ installationId })).toMatchObject([{ state: 'stopped', exitCode: 137 }])
    expect(await rig.countRunners(spec)).toBe(1)
    await rig.openDriver().watch(installationId, () => {})
    await expect.poll(() => rig.countRunners(spec)).toBe(0)
  })

  it('before it knew what it had started, leaves nothing that a start does not end first', async () => {
    const spec = specify()
    await driver.create(spec)
    const [bridge = 0] = findPrograms(spec, 'bridge.cjs')
    await rm(path.join(filesOf(spec), 'bridge.process'))
    expect(await driver.list({ installationId, agentId: spec.agentId })).toMatchObject([{ state: 'stopped' }])
    await driver.start(spec)
    const now = findPrograms(spec, 'bridge.cjs')
    expect(now).toHaveLength(1)
    expect(now).not.toContain(bridge)
    expect(await rig.countRunners(spec)).toBe(1)
  })

  it('while it made a sandbox, leaves nothing that keeps the agent from having another', async () => {
    const half = specify()
    await mkdir(filesOf(half), { recursive: true })
    await writeFile(path.join(filesOf(half), 'sandbox.json.draft'), '{"installationId":')
    expect(await driver.list({ installationId })).toEqual([])
    const spec = specify({ agentId: half.agentId })
    await driver.create(spec)
    expect(existsSync(filesOf(half))).toBe(false)
  })
})

describe('a process that only has the number of an earlier one', () => {
  it('is not taken for the sandbox, and never ended', async () => {
    const spec = specify()
    await driver.create(spec)
    await driver.stop(spec)
    const stranger = await started(spawn('sleep', ['600'], { stdio: 'ignore' }))
    const own = readFileSync('/proc/self/stat', 'utf8').split(' ')
    const life = readFileSync(path.join(filesOf(spec), 'bridge.process'), 'utf8')
      .trim()
      .split(' ')
      .at(-1)
    for (const name of ['bridge', 'runner']) {
      // The numbers are those of living processes, the times are not.
      await writeFile(path.join(filesOf(spec), `${name}.process`), `${stranger.pid} 17 ${process.pid} 18 ${life}\n`)
      await rm(path.join(filesOf(spec), `${name}.ended`), { force: true })
    }
    expect(own[0]).toBe(String(process.pid))
    expect(await driver.list({ installationId, agentId: spec.agentId })).toMatchObject([
      { state: 'stopped', exitCode: null },
    ])
    await driver.stop(spec)
    await driver.remove(spec)
    expect(stranger.exitCode ?? stranger.signalCode).toBeNull()
    expect(stranger.kill(0)).toBe(true)
  })

  it('nor is one of an earlier start of the machine', async () => {
    const spec = specify()
    await driver.create(spec)
    const file = path.join(filesOf(spec), 'bridge.process')
    const note = readFileSync(file, 'utf8')
    await writeFile(file, note.replace(/ \S+\n$/, ' 00000000-0000-0000-0000-000000000000/1\n'))
    expect(await driver.list({ installationId, agentId: spec.agentId })).toMatchObject([{ state: 'stopped' }])
    await writeFile(file, note)
    expect(await driver.list({ installationId, agentId: spec.agentId })).toMatchObject([{ state: 'running' }])
  })
})

describe('a watched sandbox', () => {
  it('is given its runner back, again and again', async () => {
    const spec = specify()
    await driver.create(spec)
    await driver.watch(installationId, () => {})
    for (let time = 0; time < 3; time += 1) {
      const [runner = 0] = await untilRunner(spec)
      process.kill(runner, 'SIGKILL')
      await untilGone(() => findPrograms(spec, 'runner.cjs').filter((pid) => pid === runner))
    }
    await untilRunner(spec)
    expect(await rig.countRunners(spec)).toBe(1)
  })

  async function untilRunner(spec: SandboxSpec): Promise<number[]> {
    await expect.poll(() => findPrograms(spec, 'runner.cjs').length, { timeout: 10_000 }).toBe(1)
    return findPrograms(spec, 'runner.cjs')
  }
})

describe('the end of a sandbox', () => {
  const BUSY = `setsid -f sleep 600; (trap '' TERM; exec sleep 601) & disown; exec bash -c "trap '' TERM; while :; do sleep 602; done"`

  async function makeBusy() {
    const spec = specify({ image: 'busy', agentEnv: { BUSY_COMMAND: BUSY, TRACE: randomIds.next('run') } })
    await driver.create(spec)
    const find = () => findProcesses(`TRACE=${spec.agentEnv.TRACE}`)
    const sleeps = () => find().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').startsWith('sleep'))
    await expect.poll(() => sleeps().length, { timeout: 10_000 }).toBe(3)
    return { spec, find }
  }

  it('is the end of everything that the agent started, wherever it went', async () => {
    const { spec, find } = await makeBusy()
    await driver.stop(spec)
    expect(find()).toEqual([])
    expect(existsSync(path.join(filesOf(spec), 'sandbox.json'))).toBe(true)
  })

  it('also when the bridge is killed from outside, and the runner too', async () => {
    const { spec, find } = await makeBusy()
    const ended = Promise.withResolvers<Sandbox>()
    await driver.watch(installationId, ended.resolve)
    for (const name of ['runner.cjs', 'bridge.cjs']) {
      for (const pid of findPrograms(spec, name)) process.kill(pid, 'SIGKILL')
    }
    await ended.promise
    await untilGone(find)
  })

  it('takes its sockets and temporary files away, which a start makes anew', async () => {
    const spec = specify()
    await driver.create(spec)
    const folder = runFolderOf(spec)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    await writeFile(path.join(folder, 'tmp', 'left.txt'), 'left')
    await driver.stop(spec)
    expect(existsSync(folder)).toBe(false)
    await driver.start(spec)
    expect(readdirSync(path.join(folder, 'tmp'))).toEqual([])
    await driver.remove(spec)
    expect(existsSync(folder)).toBe(false)
  })
})

describe('what a sandbox is given', () => {
  it('is a short list of variables: the bridge has none of the agent, the agent none of the bridge', async () => {
    process.env.BERTH_SECRET_KEY = 'not for sandboxes'
    const spec = specify({ agentEnv: { PROJECT: 'berth' } })
    await driver.create(spec).finally(() => delete process.env.BERTH_SECRET_KEY)
    const [bridge = 0] = findPrograms(spec, 'bridge.cjs')
    await expect.poll(() => findPrograms(spec, 'runner.cjs').length, { timeout: 10_000 }).toBe(1)
    const [runner = 0] = findPrograms(spec, 'runner.cjs')
    const names = (pid: number) => environmentOf(pid).map((entry) => entry.split('=')[0])
    expect(environmentOf(bridge).join('\n')).not.toContain('not for sandboxes')
    expect(environmentOf(runner).join('\n')).not.toContain('not for sandboxes')
    expect(names(bridge)).not.toContain('PROJECT')
    expect(names(runner)).not.toContain('BERTH_TOKEN_SHA256')
    expect(environmentOf(runner)).toContain('PROJECT=berth')
    expect(environmentOf(runner)).toContain(`HOME=${rig.folderOf(spec, '/home/agent')}`)
  })

  it('has a TMPDIR with a short plain path, so that sockets fit in it, whatever the data folder is called', async () => {
    const long = await makeProcessRig({ under: `a földer $HOME with blanks ${'a'.repeat(100)}` })
    const spec = specify()
    try {
      await long.driver.create(spec)
      expect(await askBridge(long.driver, spec)).toMatchObject({ incarnation: spec.incarnation })
      const record = path.join(long.root, installationId, spec.agentId, 'sandboxes', spec.incarnation, 'sandbox.json')
      expect(JSON.parse(readFileSync(record, 'utf8')).runFolder.length).toBeLessThan(64)
    } finally {
      await long.driver.remove(spec)
      await long.close()
    }
  })
})

describe('a data folder inside a project', () => {
  it('is not taken for it: the workspace has no repository and no package before it has its own', async () => {
    const project = path.dirname(rig.root)
    execFileSync('git', ['init', '--quiet', project])
    const identity = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com']
    execFileSync('git', ['-C', project, ...identity, 'commit', '--quiet', '--allow-empty', '-m', 'Begin'])
    await writeFile(path.join(project, 'package.json'), '{"name":"project","type":"module"}')
    const token = 'a-token'
    const bridgeTokenSha256 = createHash('sha256').update(token).digest('hex')
    const spec = specify({ image: 'berth', bridgeTokenSha256 })
    await driver.create(spec)
    const bridge = createBridgeClient({ token, dial: () => driver.dial(spec) })
    await bridge.waitUntilReady(15_000)
    await expect.poll(async () => (await bridge.health()).runner.connected, { timeout: 15_000 }).toBe(true)
    expect((await bridge.health()).workspace.cloned).toBe(false)

    const workspace = rig.folderOf(spec, '/workspace')
    await writeFile(path.join(workspace, 'plain.js'), 'require("node:fs"); console.log("CommonJS")')
    const ran = execFileSync(process.execPath, ['plain.js'], { cwd: workspace, encoding: 'utf8' })
    expect(ran).toBe('CommonJS\n')
  })
})

it('the programs are made once for each content, and go when no sandbox runs them', async () => {
  const programs = path.join(rig.root, 'programs')
  await driver.prepare('good')
  const [first = ''] = readdirSync(programs)
  await driver.prepare('good')
  await rig.openDriver().prepare('good')
  expect(readdirSync(programs)).toEqual([first])
  const spec = specify({ image: 'busy', agentEnv: { BUSY_COMMAND: 'sleep 600' } })
  await driver.create(spec)
  const both = readdirSync(programs).toSorted()
  expect(both).toHaveLength(2)
  await rig.openDriver().prepare('good')
  expect(readdirSync(programs).toSorted()).toEqual(both)
  await driver.remove(spec)
  await rig.openDriver().prepare('good')
  expect(readdirSync(programs)).toEqual([first])
})

it('a sandbox that cannot be started again is stopped, with nothing of it running', async () => {
  const spec = specify()
  await driver.create(spec)
  await driver.stop(spec)
  const record = path.join(filesOf(spec), 'sandbox.json')
  const { programs } = JSON.parse(readFileSync(record, 'utf8'))
  await rm(path.join(programs, 'bridge.cjs'))
  await expect(driver.start(spec)).rejects.toMatchObject({ code: 'start_failed' })
  expect(await driver.list({ installationId })).toMatchObject([{ state: 'stopped', exitCode: 1 }])
  expect(findProcesses(`BERTH_INCARNATION=${spec.incarnation}`)).toEqual([])
})

it('a start that fails says the last lines of both programs', async () => {
  const failed = await driver.create(specify({ image: 'broken' })).catch((error: unknown) => error)
  expect(failed).toMatchObject({ code: 'start_failed', details: { stage: 'container' } })
  expect(failed).toHaveProperty('message', expect.stringContaining('its bridge ended at once with exit code 3.'))
  expect(failed).toHaveProperty('details.logTail', expect.arrayContaining(['the broken bridge cannot go on']))
})
