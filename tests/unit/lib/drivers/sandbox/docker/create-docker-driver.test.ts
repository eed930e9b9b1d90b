import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDockerDriver } from '../../../../../../lib/drivers/sandbox/docker/create-docker-driver.ts'
import { type ContainerEngine, EngineRefusal } from '../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import type { SandboxSpec } from '../../../../../../lib/drivers/sandbox/port.ts'
import { BerthError } from '../../../../../../lib/errors.ts'
import { silentLogger } from '../../../../../../lib/logger.ts'
import { createFakeContainerEngine } from '../../../../../support/fake-container-engine.ts'

const spec: SandboxSpec = {
  installationId: 'ins_0123456789',
  agentId: 'agt_1',
  incarnation: 'inc_1',
  image: 'berth-agent:1',
  memoryBytes: 1,
  nanoCpus: 1,
  pids: 1,
  tmpBytes: 1,
  bridgeTokenSha256: 'cafe',
  agentEnv: {},
}
const unreachable = new BerthError('engine_unreachable', 'away')

describe('the Docker driver', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-driver-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  const make = (overrides: Partial<ContainerEngine> = {}) => {
    const engine = createFakeContainerEngine(overrides)
    const driver = createDockerDriver({
      dockerHost: null,
      socketRoot: folder,
      logger: silentLogger,
      engine,
      reach: 'socket',
    })
    return { engine, driver }
  }

  it('undoes a start that fails and keeps the engine’s reason', async () => {
    const { engine, driver } = make({
      startContainer: async () => {
        throw new EngineRefusal(400, 'no such device')
      },
    })
    await expect(driver.create(spec)).rejects.toMatchObject({
      code: 'start_failed',
      message: 'The sandbox of agent agt_1 did not start: no such device',
      details: { stage: 'container', logTail: ['the last line'] },
    })
    expect([engine.containers.size, engine.volumes.size, await readdir(folder)]).toEqual([0, 0, []])
  })

  it('does not take a runner for started that the engine could not start after all', async () => {
    const answers = [
      { running: true, started: false, exitCode: null },
      { running: false, started: false, exitCode: 126 },
    ]
    const { driver } = make({
      findExec: async () => ({ ...(answers.shift() ?? expect.fail('asked again')), command: [] }),
    })
    await expect(driver.create(spec)).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringContaining('The runner of agent agt_1 ended at once with exit code 126.'),
    })
  })

  it('keeps the first reason when undoing fails too', async () => {
    const { driver } = make({
      startContainer: async () => {
        throw unreachable
      },
      removeContainer: async () => {
        throw new Error('also away')
      },
      readLogs: async () => {
        throw new Error('also away')
      },
    })
    await expect(driver.create(spec)).rejects.toBe(unreachable)
  })

  it('undoes a start that is cancelled between two steps', async () => {
    const cancel = new AbortController()
    const reason = new Error('not wanted any more')
    const { engine, driver } = make({
      startContainer: async () => cancel.abort(reason),
    })
    await expect(driver.create(spec, cancel.signal)).rejects.toBe(reason)
    expect([engine.containers.size, engine.volumes.size, await readdir(folder)]).toEqual([0, 0, []])
  })

  it('does not touch a volume of the same name that is somebody else’s', async () => {
    const { engine, driver } = make()
    const name = 'berth-01234567-agt_1-state'
    engine.volumes.set(name, { 'berth.installation': 'ins_other', 'berth.agent': 'agt_1' })
    await expect(driver.create(spec)).rejects.toMatchObject({
      code: 'start_failed',
      message: expect.stringContaining(`The volume ${name} is there already and is not this agent's.`),
    })
    expect([...engine.volumes.keys()]).toEqual([name])
    await driver.removeVolumes(spec)
    expect([...engine.volumes.keys()]).toEqual([name])
  })

  it('answers an engine that is away as a status, with what to do', async () => {
    const { driver } = make({
      version: async () => {
        throw new BerthError('engine_unreachable', 'The engine is away.', { hint: 'Start it.' })
      },
    })
    expect(await driver.probe()).toEqual({
      reachable: false,
      description: 'The engine is away. Start it.',
      version: null,
    })
  })

  it('says where bridges are reached through exec', async () => {
    const engine = createFakeContainerEngine({
      info: async () => ({
        storageDriver: 'overlay2',
        securityOptions: ['name=seccomp,profile=default', 'name=rootless'],
        operatingSystem: 'Debian',
      }),
    })
    const driver = createDockerDriver({ dockerHost: null, socketRoot: folder, logger: silentLogger, engine })
    expect(await driver.probe()).toEqual({
      reachable: true,
      description: 'Docker 1.0 (overlay2; bridges are reached through exec)',
      version: '1.0',
    })
  })

  it('reads the default egress hosts from the image, none where it has no list', async () => {
    const labels: Record<string, string> = { 'berth.egress': '["packages.example"]' }
    const { driver } = make({ findImage: async (name) => ({ id: name, labels: name === 'ours' ? labels : {} }) })
    expect(await driver.defaultEgressHosts('ours')).toEqual(['packages.example'])
    expect(await driver.defaultEgressHosts('another')).toEqual([])
  })

  it("refuses an image without Berth's programs before a container is made of it", async () => {
    const labels: Record<string, string> = { 'berth.tools': 'berth-tools:1' }
    const { driver } = make({ findImage: async (name) => ({ id: name, labels: name === 'ours' ? labels : {} }) })
    await expect(driver.assertImage('ours')).resolves.toBeUndefined()
    await expect(driver.assertImage('debian')).rejects.toMatchObject({
      code: 'image_missing',
      message: "debian, which BERTH_AGENT_IMAGE names, does not have Berth's programs in it.",
      hint: expect.stringContaining('leave BERTH_AGENT_IMAGE out'),
    })
  })

  it('does not follow an incarnation out of the socket directory', async () => {
    const { driver } = make()
    await expect(driver.create({ ...spec, incarnation: '../../etc' })).rejects.toThrow('is no incarnation id')
  })

  describe('for a sandbox that another control plane made', () => {
    /** With a data folder of its own, on the same engine. */
    const makeOther = (engine: ContainerEngine) =>
      createDockerDriver({
        dockerHost: null,
        socketRoot: path.join(folder, 'other'),
        logger: silentLogger,
        engine,
        reach: 'socket',
      })

    it('dials the socket where that one put it', async () => {
      const { engine, driver } = make()
      await driver.create(spec)
      const socket = path.join(folder, spec.incarnation, 'bridge.sock')
      const other = makeOther(engine)
      await expect(other.dial(spec)).rejects.toThrow(`No bridge listens on ${socket} (ENOENT).`)
      await writeFile(socket, '')
      await expect(other.dial(spec)).rejects.toThrow('it is not a socket')
      expect(engine.calls).not.toContain('openExec')
    })

    it('dials through exec when the folder of the socket is not to be had here', async () => {
      const { engine, driver } = make()
      await driver.create(spec)
      await rm(path.join(folder, spec.incarnation), { recursive: true })
      await expect(makeOther(engine).dial(spec)).rejects.toMatchObject({ code: 'sandbox_lost' })
      expect(engine.calls).toContain('openExec')
    })

    it('takes the folder of the socket away with the container', async () => {
      const { engine, driver } = make()
      await driver.create(spec)
      expect(await readdir(folder)).toEqual([spec.incarnation])
      await makeOther(engine).remove(spec)
      expect(await readdir(folder)).toEqual([])
    })
  })
})
