/** Idle agents: asleep when it is time and nothing is to be done, and awake again with the next instruction. */
import { describe, expect, it } from 'vitest'
import { sleepIdleAgents } from '../../../../../lib/services/agent/sleep.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

describe('an idle agent', () => {
  const passIdleTime = () => {
    plane.parts.settings = { ...plane.parts.settings, idleSleepAfterMs: 1 }
  }

  it('falls asleep, is woken by the next instruction in the same container', async () => {
    const id = await ada.createAndRun()
    const [before] = await plane.containers(id)
    passIdleTime()
    await sleepIdleAgents(plane.parts)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'SLEEPING' })
    expect(await plane.containers(id)).toMatchObject([{ state: 'stopped' }])
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await plane.containers(id)).toMatchObject([{ state: 'running', engineId: before?.engineId }])
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { task: 'Go on', reason: 'completed' } })
  })

  it('stays up before its time, during a run, and when the setting says never', async () => {
    const id = await ada.createRunning()
    passIdleTime()
    await sleepIdleAgents(plane.parts)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'RUNNING' })
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    for (const idleSleepAfterMs of [null, 3_600_000]) {
      plane.parts.settings = { ...plane.parts.settings, idleSleepAfterMs }
      await sleepIdleAgents(plane.parts)
      await plane.settle(id)
      expect(await ada.read(id)).toMatchObject({ status: 'READY' })
    }
  })

  it('wakes without a run by start, and counts its idle time from then', async () => {
    const id = await ada.createAndRun()
    passIdleTime()
    await sleepIdleAgents(plane.parts)
    await plane.settle(id)
    const before = (await plane.parts.stores.agents.find(id))?.activeAt ?? new Date()
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY' })
    expect((await plane.parts.stores.agents.find(id))?.activeAt.getTime()).toBeGreaterThan(before.getTime())
  })

  it('that waits for a decision sleeps meanwhile, and is woken by it', async () => {
    const id = await ada.createAndRun()
    plane.bridge.workspace.head = 'b'.repeat(40)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    passIdleTime()
    // It was active when it was told to go on.
    await expect
      .poll(async () => {
        await sleepIdleAgents(plane.parts)
        await plane.settle(id)
        return await ada.read(id)
      })
      .toMatchObject({ status: 'SLEEPING', needs: 'divergence', run: { status: 'PENDING' } })
    await ada.resolve(id, 'keep')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      needs: null,
      run: { task: 'Go on', reason: 'completed' },
    })
  })

  it('that is told something while it falls asleep does that instead', async () => {
    const id = await ada.createAndRun()
    passIdleTime()
    await Promise.all([sleepIdleAgents(plane.parts), ada.resume(id, 'Quick')])
    await plane.untilAtRest(id)
    await plane.settle(id)
    const { status, run } = await ada.read(id)
    expect(run).toMatchObject({ task: 'Quick', reason: 'completed' })
    expect(['READY', 'SLEEPING']).toContain(status)
  })
})
