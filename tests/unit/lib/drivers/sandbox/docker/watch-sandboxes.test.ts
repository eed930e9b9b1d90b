import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Clock } from '../../../../../../lib/clock.ts'
import { toContainerLabels } from '../../../../../../lib/drivers/sandbox/docker/labels.ts'
import { watchSandboxes } from '../../../../../../lib/drivers/sandbox/docker/watch-sandboxes.ts'
import type { Sandbox } from '../../../../../../lib/drivers/sandbox/port.ts'
import { BerthError } from '../../../../../../lib/errors.ts'
import { createLogger } from '../../../../../../lib/logger.ts'
import { createFakeContainerEngine, type FakeContainerEngine } from '../../../../../support/fake-container-engine.ts'

const installationId = 'ins_1'

describe('watching sandboxes', () => {
  const stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop()
  })

  const labelsOf = (agentId: string) => toContainerLabels({ installationId, agentId, incarnation: `inc_${agentId}` })
  const addContainer = (engine: FakeContainerEngine, agentId: string) => {
    const container = {
      id: agentId,
      labels: labelsOf(agentId),
      running: true,
      outOfMemory: false,
      exitCode: null,
      execIds: [],
      binds: {},
    }
    engine.containers.set(agentId, container)
    return container
  }
  const die = (engine: FakeContainerEngine, agentId: string, change = {}) => {
    const container = engine.containers.get(agentId)
    if (container) engine.containers.set(agentId, { ...container, running: false, exitCode: 137, ...change })
  }
  const dieEvent = (agentId: string) => ({
    action: 'die',
    containerId: agentId,
    attributes: { ...labelsOf(agentId), exitCode: '137' },
  })

  /** Time passes at once; every wait is written down. */
  const watch = async (
    engine: FakeContainerEngine,
    isExpected: (engineId: string) => boolean = () => false,
    runnerFails: Error | null = null,
    minds: (agentId: string) => boolean = () => true,
  ) => {
    const logged: string[] = []
    const ends: Sandbox[] = []
    const runners: string[] = []
    const waits: number[] = []
    let nowMs = 0
    const clock: Clock = {
      now: () => new Date(nowMs),
      monotonicMs: () => nowMs,
      sleep: async (ms, signal) => {
        signal?.throwIfAborted()
        waits.push(ms)
        nowMs += ms
        await new Promise((resolve) => setImmediate(resolve))
      },
    }
    const stop = await watchSandboxes({
      engine,
      installationId,
      onEnd: (sandbox) => ends.push(sandbox),
      isExpected,
      onDestroyed: () => {},
      minds,
      ensureRunner: async ({ engineId }) => {
        runners.push(engineId)
        if (runnerFails) throw runnerFails
      },
      logger: createLogger({ write: (line) => logged.push(line) }),
      clock,
    })
    stops.push(stop)
    return { ends, runners, waits, logged, stop }
  }

  it('gives a runner to those that it minds, and to no others', async () => {
    const engine = createFakeContainerEngine()
    addContainer(engine, 'agt_mine')
    addContainer(engine, 'agt_other')
    const { runners } = await watch(engine, undefined, null, (agentId) => agentId === 'agt_mine')
    await vi.waitFor(() => expect(runners).toEqual(['agt_mine']))
  })

  it('reports an end with what the engine knows of it', async () => {
    const engine = createFakeContainerEngine()
    addContainer(engine, 'agt_1')
    const { ends } = await watch(engine)
    die(engine, 'agt_1', { outOfMemory: true })
    engine.emit(dieEvent('agt_1'))
    await vi.waitFor(() => expect(ends).toHaveLength(1))
    expect(ends[0]).toMatchObject({
      installationId,
      agentId: 'agt_1',
      incarnation: 'inc_agt_1',
      engineId: 'agt_1',
      state: 'stopped',
      outOfMemory: true,
      exitCode: 137,
    })
  })

  it('reports an end that fell into a restart of the engine, once', async () => {
    const engine = createFakeContainerEngine()
    addContainer(engine, 'agt_1')
    addContainer(engine, 'agt_2')
    const { ends } = await watch(engine)
    die(engine, 'agt_1')
    engine.containers.delete('agt_2')
    engine.hangUp()
    await vi.waitFor(() => expect(ends.map(({ agentId }) => agentId)).toEqual(['agt_1', 'agt_2']))
    engine.emit(dieEvent('agt_1'))
    addContainer(engine, 'agt_3')
    die(engine, 'agt_3')
    engine.emit(dieEvent('agt_3'))
    await vi.waitFor(() => expect(ends.map(({ agentId }) => agentId)).toEqual(['agt_1', 'agt_2', 'agt_3']))
  })

  it('tries again, later each time, while the engine is away', async () => {
    let failures = 4
    const plain = createFakeContainerEngine()
    const engine = createFakeContainerEngine({
      events: async (options) => {
        failures -= 1
        if (failures >= 0) throw new Error('away')
        return plain.events(options)
      },
    })
    const { waits, logged } = await watch(engine)
    await vi.waitFor(() => expect(plain.listeners()).toBe(1))
    expect(waits).toEqual([250, 500, 1_000, 2_000])
    expect(logged.map((line) => JSON.parse(line).message)).toEqual(['the engine cannot be watched; trying again'])
  })

  it('does not report what is expected', async () => {
    const engine = createFakeContainerEngine()
    for (const agentId of ['agt_1', 'agt_2']) addContainer(engine, agentId)
    const { ends } = await watch(engine, (engineId) => engineId === 'agt_1')
    for (const agentId of ['agt_1', 'agt_2']) {
      die(engine, agentId)
      engine.emit(dieEvent(agentId))
    }
    await vi.waitFor(() => expect(ends.map(({ agentId }) => agentId)).toEqual(['agt_2']))
  })

  it('gives a running sandbox its runner when it begins and when one dies, later each time it dies at once', async () => {
    const engine = createFakeContainerEngine()
    addContainer(engine, 'agt_1')
    const { runners, waits } = await watch(engine)
    await vi.waitFor(() => expect(runners).toHaveLength(1))
    for (let deaths = 1; deaths <= 4; deaths += 1) {
      engine.emit({ action: 'exec_die', containerId: 'agt_1', attributes: labelsOf('agt_1') })
      await vi.waitFor(() => expect(runners).toHaveLength(1 + deaths))
    }
    expect(waits).toEqual([100, 200, 400, 800])
  })

  it('takes the end of another process in a sandbox for no end of its runner', async () => {
    const engine = createFakeContainerEngine()
    addContainer(engine, 'agt_1')
    const { runners } = await watch(engine)
    await vi.waitFor(() => expect(runners).toHaveLength(1))
    const ended = { running: false, started: true, exitCode: 0 }
    engine.execs.set('relay', { ...ended, command: ['/opt/berth/bin/node', '/opt/berth/relay.cjs'] })
    engine.execs.set('runner', { ...ended, command: ['/usr/bin/env', '/opt/berth/runner.cjs'] })
    const endOf = (execID: string) => ({
      action: 'exec_die',
      containerId: 'agt_1',
      attributes: { ...labelsOf('agt_1'), execID },
    })
    for (let ends = 0; ends < 3; ends += 1) engine.emit(endOf('relay'))
    engine.emit(endOf('runner'))
    await vi.waitFor(() => expect(runners).toHaveLength(2))
    await vi.waitFor(() => expect(engine.calls.filter((call) => call === 'findExec')).toHaveLength(4))
    expect(runners).toHaveLength(2)
  })

  it.each([
    [new BerthError('sandbox_lost', 'The container went.'), 0],
    [new BerthError('engine_unreachable', 'The engine does not answer.'), 1],
  ])('says that a runner could not be given only where a container needs one: %s', async (failure, records) => {
    const engine = createFakeContainerEngine()
    addContainer(engine, 'agt_1')
    const { runners, logged, stop } = await watch(engine, () => false, failure)
    await vi.waitFor(() => expect(runners).toHaveLength(1))
    await stop()
    expect(logged).toHaveLength(records)
  })

  it('stops at once and leaves no stream open', async () => {
    const engine = createFakeContainerEngine()
    const { stop } = await watch(engine)
    expect(engine.listeners()).toBe(1)
    await stop()
    expect(engine.listeners()).toBe(0)
  })
})
