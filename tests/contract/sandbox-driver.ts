/** What every sandbox driver guarantees, the fake as well as the real ones. */
import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox, SandboxDriver, SandboxLabels, SandboxSpec } from '../../lib/drivers/sandbox/port.ts'
import { randomIds } from '../../lib/ids.ts'

/** A driver, and hands that reach past it. */
export interface SandboxRig {
  driver: SandboxDriver
  image: string
  /** Its container cannot start. */
  brokenImage: { name: string }
  /** Kills the container as something outside would. */
  killOutside(sandbox: SandboxLabels): Promise<void>
  killRunner(sandbox: SandboxLabels): Promise<void>
  countRunners(sandbox: SandboxLabels): Promise<number>
  /** As the agent's user; paths in /workspace or /home/agent. */
  writeFile(sandbox: SandboxLabels, file: string, text: string): Promise<void>
  /** Null when it is not there. */
  readFile(sandbox: SandboxLabels, file: string): Promise<string | null>
  hasVolumes(owner: { installationId: string; agentId: string }): Promise<boolean>
  close(): Promise<void>
}

export function describeSandboxDriver(name: string, makeRig: () => Promise<SandboxRig>) {
  describe(`sandbox driver: ${name}`, () => {
    const installationId = randomIds.next('ins')
    let rig: SandboxRig
    let driver: SandboxDriver
    const agents = new Set<string>()
    const stopWatching: (() => void)[] = []

    beforeAll(async () => {
      rig = await makeRig()
      driver = rig.driver
    }, 600_000)
    afterEach(async () => {
      for (const stop of stopWatching.splice(0)) stop()
      for (const sandbox of await driver.list({ installationId })) await driver.remove(sandbox)
      for (const agentId of agents) await driver.removeVolumes({ installationId, agentId })
      agents.clear()
    })
    afterAll(async () => {
      await rig?.close()
    }, 60_000)

    const specify = (change: Partial<SandboxSpec> = {}): SandboxSpec => {
      const spec = {
        installationId,
        agentId: randomIds.next('agt'),
        incarnation: randomIds.next('inc'),
        image: rig.image,
        memoryBytes: 512 * 1024 * 1024,
        nanoCpus: 1_000_000_000,
        pids: 512,
        tmpBytes: 64 * 1024 * 1024,
        bridgeTokenSha256: 'a'.repeat(64),
        agentEnv: {},
        ...change,
      }
      agents.add(spec.agentId)
      return spec
    }
    const watch = async () => {
      const ends: Sandbox[] = []
      const waiting: (() => void)[] = []
      const stop = await driver.watch(installationId, (sandbox) => {
        ends.push(sandbox)
        for (const wake of waiting.splice(0)) wake()
      })
      stopWatching.push(stop)
      const next = async () => {
        if (ends.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
        return ends.shift()
      }
      return { ends, next }
    }

    it('probes the engine without throwing', async () => {
      const status = await driver.probe()
      expect(status.reachable).toBe(true)
      expect(status.description).toContain(status.version)
    })

    it('makes a sandbox whose bridge answers over dial', async () => {
      const spec = specify()
      const sandbox = await driver.create(spec)
      expect(sandbox).toMatchObject({
        installationId,
        agentId: spec.agentId,
        incarnation: spec.incarnation,
        state: 'running',
        outOfMemory: false,
        exitCode: null,
      })
      expect(await askBridge(driver, spec)).toMatchObject({ path: '/health', incarnation: spec.incarnation })
      expect(await rig.countRunners(spec)).toBe(1)
    })

    it('finds sandboxes by installation and agent', async () => {
      const first = await driver.create(specify())
      const second = await driver.create(specify())
      const all = await driver.list({ installationId })
      expect(all.map(({ engineId }) => engineId).sort()).toEqual([first.engineId, second.engineId].sort())
      expect(await driver.list({ installationId, agentId: second.agentId })).toEqual([second])
      expect(await driver.list({ installationId: randomIds.next('ins') })).toEqual([])
    })

    it('keeps files over stop and start, and the bridge answers again', async () => {
      const spec = specify()
      const sandbox = await driver.create(spec)
      await rig.writeFile(spec, '/workspace/kept.txt', 'kept')
      await driver.stop(spec)
      expect(await driver.list({ installationId, agentId: spec.agentId })).toMatchObject([{ state: 'stopped' }])
      expect(await driver.start(spec)).toMatchObject({ engineId: sandbox.engineId, state: 'running', exitCode: null })
      expect(await rig.readFile(spec, '/workspace/kept.txt')).toBe('kept')
      expect(await rig.countRunners(spec)).toBe(1)
      expect(await askBridge(driver, spec)).toMatchObject({ incarnation: spec.incarnation })
    })

    it('keeps volumes when a sandbox is removed: the next one sees the files', async () => {
      const spec = specify()
      await driver.create(spec)
      await rig.writeFile(spec, '/workspace/kept.txt', 'work')
      await rig.writeFile(spec, '/home/agent/kept.txt', 'home')
      await driver.remove(spec)
      expect(await driver.list({ installationId, agentId: spec.agentId })).toEqual([])
      const next = specify({ agentId: spec.agentId })
      await driver.create(next)
      expect(await rig.readFile(next, '/workspace/kept.txt')).toBe('work')
      expect(await rig.readFile(next, '/home/agent/kept.txt')).toBe('home')
    })

    it("removes one agent's volumes for good and no other's", async () => {
      const [spec, other] = [specify(), specify()]
      await driver.create(spec)
      await driver.create(other)
      await driver.remove(spec)
      await driver.removeVolumes(spec)
      expect(await rig.hasVolumes(spec)).toBe(false)
      expect(await rig.hasVolumes(other)).toBe(true)
    })

    it('does not take volumes from under a container', async () => {
      const spec = specify()
      await driver.create(spec)
      await expect(driver.removeVolumes(spec)).rejects.toMatchObject({ code: 'state_conflict' })
      expect(await rig.hasVolumes(spec)).toBe(true)
    })

    it('stops, removes and removes volumes any number of times', async () => {
      const spec = specify()
      await driver.create(spec)
      await driver.stop(spec)
      await driver.stop(spec)
      await driver.remove(spec)
      await driver.remove(spec)
      await driver.stop(spec)
      await driver.removeVolumes(spec)
      await driver.removeVolumes(spec)
      expect(await driver.list({ installationId, agentId: spec.agentId })).toEqual([])
    })

    it('starting a running sandbox changes nothing', async () => {
      const spec = specify()
      const sandbox = await driver.create(spec)
      expect(await driver.start(spec)).toEqual(sandbox)
      expect(await rig.countRunners(spec)).toBe(1)
    })

    it('makes one container when the same incarnation is created twice at once', async () => {
      const spec = specify()
      const [first, second] = await Promise.all([driver.create(spec), driver.create(spec)])
      expect(second.engineId).toBe(first.engineId)
      expect(await driver.list({ installationId, agentId: spec.agentId })).toHaveLength(1)
      expect(await rig.countRunners(spec)).toBe(1)
    })

    it('never leaves two containers on the volumes of one agent: a new incarnation replaces the old', async () => {
      const spec = specify()
      await driver.create(spec)
      const next = specify({ agentId: spec.agentId })
      const sandbox = await driver.create(next)
      expect(await driver.list({ installationId, agentId: spec.agentId })).toEqual([sandbox])
    })

    it('leaves nothing of a start that fails, and says the last lines of its log if it wrote any', async () => {
      const spec = specify({ image: rig.brokenImage.name })
      await expect(driver.create(spec)).rejects.toMatchObject({
        code: 'start_failed',
        details: { logTail: expect.any(Array) },
      })
      expect(await driver.list({ installationId, agentId: spec.agentId })).toEqual([])
      expect(await rig.hasVolumes(spec)).toBe(false)
    })

    it('keeps the volumes that were there before a start that fails', async () => {
      const spec = specify()
      await driver.create(spec)
      await driver.remove(spec)
      const broken = specify({ agentId: spec.agentId, image: rig.brokenImage.name })
      await expect(driver.create(broken)).rejects.toMatchObject({ code: 'start_failed' })
      expect(await rig.hasVolumes(spec)).toBe(true)
    })

    it('names the missing image and the way to make it', async () => {
      const missing = 'berth-agent:no-such-tag'
      await expect(driver.assertImage(rig.image)).resolves.toBeUndefined()
      await expect(driver.assertImage(missing)).rejects.toMatchObject({ code: 'image_missing' })
      await expect(driver.create(specify({ image: missing }))).rejects.toMatchObject({ code: 'image_missing' })
    })

    it('makes nothing once it was told to stop', async () => {
      const spec = specify()
      const reason = new Error('not wanted any more')
      await expect(driver.create(spec, AbortSignal.abort(reason))).rejects.toBe(reason)
      expect(await driver.list({ installationId, agentId: spec.agentId })).toEqual([])
      expect(await rig.hasVolumes(spec)).toBe(false)
    })

    it('says that a sandbox is lost when it is asked to start or reach one that is gone', async () => {
      const spec = specify()
      for (const call of [driver.start, driver.ensureRunner, driver.dial]) {
        await expect(call(spec)).rejects.toMatchObject({ code: 'sandbox_lost' })
      }
    })

    it('reports a sandbox that was killed from outside', async () => {
      const spec = specify()
      await driver.create(spec)
      const { next } = await watch()
      await rig.killOutside(spec)
      expect(await next()).toMatchObject({
        agentId: spec.agentId,
        incarnation: spec.incarnation,
        state: 'stopped',
        exitCode: 137,
      })
    })

    it('does not report what it stopped or removed itself', async () => {
      const [stopped, removed, killed] = [specify(), specify(), specify()]
      for (const spec of [stopped, removed, killed]) await driver.create(spec)
      const { ends, next } = await watch()
      await driver.stop(stopped)
      await driver.remove(removed)
      await rig.killOutside(killed)
      expect(await next()).toMatchObject({ agentId: killed.agentId })
      expect(ends).toEqual([])
    })

    it('starts the runner again after it was killed, once for two calls at once', async () => {
      const spec = specify()
      await driver.create(spec)
      await rig.killRunner(spec)
      expect(await rig.countRunners(spec)).toBe(0)
      await Promise.all([driver.ensureRunner(spec), driver.ensureRunner(spec)])
      expect(await rig.countRunners(spec)).toBe(1)
      await driver.ensureRunner(spec)
      expect(await rig.countRunners(spec)).toBe(1)
    })

    it('has no runner in a sandbox that does not run', async () => {
      const spec = specify()
      await driver.create(spec)
      await driver.stop(spec)
      await expect(driver.ensureRunner(spec)).rejects.toMatchObject({ code: 'sandbox_lost' })
    })

    it("shows the last lines of a sandbox's log", async () => {
      const spec = specify()
      await driver.create(spec)
      await askBridge(driver, spec)
      expect(await driver.logs(spec, 1)).toHaveLength(1)
    })
  })
}

/** GET /health of the bridge, waited for: a fresh one may not listen yet. */
export async function askBridge(driver: SandboxDriver, sandbox: SandboxLabels): Promise<unknown> {
  const socket = await dialWhenUp(driver, sandbox)
  return new Promise((resolve, reject) => {
    const asked = request({ path: '/health', createConnection: () => socket }, async (response) => {
      try {
        const chunks: Buffer[] = []
        for await (const chunk of response) chunks.push(chunk)
        resolve(JSON.parse(Buffer.concat(chunks).toString()))
      } catch (error) {
        reject(error)
      } finally {
        socket.destroy()
      }
    })
    asked.on('error', reject)
    asked.end()
  })
}

async function dialWhenUp(driver: SandboxDriver, sandbox: SandboxLabels): Promise<Duplex> {
  const deadline = performance.now() + 10_000
  for (;;) {
    try {
      return await driver.dial(sandbox)
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}
