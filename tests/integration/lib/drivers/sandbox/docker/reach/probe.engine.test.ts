/** Trying a mounted socket on the real engine: what is decided where the mount is not what it seems, and that nothing is left. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ownBuilder } from '../../../../../../../lib/drivers/sandbox/docker/builder.ts'
import type { ContainerEngine } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { createReachFinder } from '../../../../../../../lib/drivers/sandbox/docker/reach/reach.ts'
import { silentLogger } from '../../../../../../../lib/logger.ts'
import { type DockerRig, makeDockerRig } from '../../../../../../support/docker-rig.ts'

describe('trying a mounted socket', () => {
  let rig: DockerRig
  let folder: string
  let socketRoot: string
  beforeAll(async () => {
    rig = await makeDockerRig()
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-probe-test-'))
    socketRoot = path.join(folder, 'sockets')
  }, 600_000)
  afterAll(async () => {
    await rig?.close()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  }, 60_000)

  const probes = () => rig.engine.listContainers(['berth.part=probe', `berth.builder=${ownBuilder()}`])
  afterEach(async () => {
    expect(await probes()).toEqual([])
    expect((await listFolder(socketRoot)).filter((name) => name.startsWith('probe-'))).toEqual([])
  })

  const find = (change: Partial<ContainerEngine> = {}, image = rig.image) =>
    createReachFinder({ engine: { ...rig.engine, ...change }, socketRoot, logger: silentLogger }).find(image)
  /** As an engine does that has other folders than this process. */
  const mounting = (source: string): Partial<ContainerEngine> => ({
    createContainer: async (name, config) => {
      const { HostConfig } = config as { HostConfig: { Mounts: object[] } }
      const Mounts = HostConfig.Mounts.map((mount) => ({ ...mount, Source: source }))
      return rig.engine.createContainer(name, { ...config, HostConfig: { ...HostConfig, Mounts } })
    },
  })

  it('finds it where the folder is the engine’s too', async () => {
    expect(await find()).toEqual({ reach: 'socket', why: 'a socket in a mounted folder was reached' })
  })

  it('runs isolated as a sandbox does, and in less memory', async () => {
    let shown: Record<string, unknown> = {}
    await find({
      createContainer: async (name, config) => {
        shown = config
        return rig.engine.createContainer(name, config)
      },
    })
    expect(shown).toMatchObject({
      User: '990:990',
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        ReadonlyRootfs: true,
        Memory: 128 * 1024 * 1024,
      },
    })
  })

  it('goes through exec where the engine does not have the folder', async () => {
    expect(await find(mounting('/no/such/folder'))).toEqual({
      reach: 'relay',
      why: expect.stringContaining('the engine does not mount a folder of this machine: '),
    })
  })

  it('goes through exec where the engine mounts another folder of that name', async () => {
    const empty = await mkdtemp(path.join(folder, 'empty-'))
    await chmod(empty, 0o1777)
    expect(await find(mounting(empty))).toEqual({
      reach: 'relay',
      why: expect.stringContaining('what lies in a mounted folder was not there inside'),
    })
  })

  it('decides nothing for an image that is not there', async () => {
    await expect(find({}, 'berth-agent:no-such-tag')).rejects.toMatchObject({ code: 'image_missing' })
  })

  it('takes away what a killed process left of its own', async () => {
    const reach = path.resolve('lib/drivers/sandbox/docker/reach/reach.ts')
    const engine = path.resolve('lib/drivers/sandbox/docker/engine/open-engine.ts')
    const program = `
      const { createReachFinder } = await import(${JSON.stringify(reach)})
      const { openEngine } = await import(${JSON.stringify(engine)})
      const { silentLogger } = await import(${JSON.stringify(path.resolve('lib/logger.ts'))})
      const real = openEngine(${JSON.stringify(rig.engine.address)})
      const engine = { ...real, startContainer: async (id) => {
        await real.startContainer(id)
        console.log(id)
        await new Promise(() => setInterval(() => {}, 1_000))
      } }
      await createReachFinder({ engine, socketRoot: ${JSON.stringify(socketRoot)}, logger: silentLogger }).find(${JSON.stringify(rig.image)})`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = once(child, 'exit')
    const [said] = (await once(child.stdout, 'data')) as [Buffer]
    child.kill('SIGKILL')
    await exited
    const left = said.toString().trim()
    expect(await rig.engine.findContainer(left)).not.toBeNull()
    expect(await listFolder(socketRoot)).toEqual([expect.stringMatching(`^probe-${child.pid}-`)])
    await find()
    expect(await rig.engine.findContainer(left)).toBeNull()
  })
})

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
