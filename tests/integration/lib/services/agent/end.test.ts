/** Cancel, stop and purge: at any moment, whatever hangs, and without an engine. */
import { describe, expect, it } from 'vitest'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

describe('ending', () => {
  it('a run by cancel leaves the container usable', async () => {
    const id = await ada.createRunning()
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { status: 'ENDED', reason: 'cancelled' } })
    expect(await plane.events(id, 'done')).toHaveLength(1)
    expect(plane.forge.pullRequests).toEqual([])
    const [skipped] = await plane.events(id, 'pull_request')
    expect(skipped?.data).toMatchObject({ action: 'skipped', reason: expect.stringContaining('cancelled') })
    expect(await plane.containers(id)).toHaveLength(1)
  })

  it('a run while it is cloned leaves no half clone to the next one', async () => {
    const { clone } = plane.bridge.client
    const cloning = Promise.withResolvers<void>()
    plane.bridge.client.clone = async function* (_command, signal) {
      cloning.resolve()
      await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }))
      yield* []
      throw signal?.reason
    }
    const { id } = await ada.create()
    await ada.start(id)
    await cloning.promise
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'cancelled' } })
    plane.bridge.client.clone = clone
    await ada.resume(id, 'Again')
    await plane.untilAtRest(id)
    expect(plane.bridge.calls[0]).toBe('clone acme/widgets main berth/fix')
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
  })

  it('by stop does not wait for a push that hangs', async () => {
    const pushing = Promise.withResolvers<void>()
    plane.bridge.client.push = async (_command, signal) => {
      pushing.resolve()
      return await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const { id } = await ada.create()
    await ada.start(id)
    await pushing.promise
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { reason: 'completed' } })
    expect(await plane.events(id, 'pull_request')).toEqual([])
  })

  it('by stop does not wait for events that never come', async () => {
    const { health } = plane.bridge.client
    const asking = Promise.withResolvers<void>()
    plane.bridge.client.health = async () => {
      asking.resolve()
      const now = await health()
      return { ...now, lastN: now.lastN + 1 }
    }
    const { id } = await ada.create()
    await ada.start(id)
    await asking.promise
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { reason: 'completed' } })
  })

  it('by stop gives up a pull request that a person waits for, and says so', async () => {
    const id = await ada.createAndRun()
    const pushing = Promise.withResolvers<void>()
    plane.bridge.client.push = async (_command, signal) => {
      pushing.resolve()
      return await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const asked = ada.openPullRequest(id)
    const refused = expect(asked).rejects.toMatchObject({
      code: 'state_conflict',
      message: 'The agent was told to do something else meanwhile.',
    })
    await pushing.promise
    await ada.stop(id)
    await refused
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE' })
  })

  it('a run by stop takes the container away and keeps the history', async () => {
    const id = await ada.createRunning()
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { reason: 'cancelled' } })
    expect(await plane.events(id, 'done')).toHaveLength(1)
    expect(await plane.containers(id)).toEqual([])
  })

  it('everything by purge leaves no container, volume or record', async () => {
    const id = await ada.createAndRun()
    await ada.purge(id)
    expect(await plane.containers(id)).toEqual([])
    expect(plane.driver.files({ installationId: 'ins_test', agentId: id })).toBeNull()
    await expect(ada.read(id)).rejects.toMatchObject({ code: 'not_found' })
    expect(await plane.events(id)).toEqual([])
    // Not taken for lost to another control plane.
    expect(await plane.parts.holdings.renew()).toEqual([])
  })
})

describe('an end that fails for want of an engine', () => {
  it('by stop is forgotten when the agent is started again', async () => {
    const id = await ada.createAndRun()
    plane.driver.setReachable(false)
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'FAILED', statusDetail: { code: 'engine_unreachable' } })
    plane.driver.setReachable(true)
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { task: 'Go on', reason: 'completed' } })
  })

  it('by purge says so, and is done when the engine answers again', async () => {
    const id = await ada.createAndRun()
    plane.driver.setReachable(false)
    await expect(ada.purge(id)).rejects.toMatchObject({
      code: 'engine_unreachable',
      hint: 'It is tried again by itself every minute; nothing else has to be done.',
    })
    plane.driver.setReachable(true)
    await plane.parts.supervisor.reconcile()
    await plane.settle(id)
    expect(await plane.containers(id)).toEqual([])
    expect(await plane.parts.stores.agents.find(id)).toBeNull()
  })
})
