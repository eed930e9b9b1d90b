/** A start that does not succeed: what is said of it, what is left, and how it is tried again. */
import { describe, expect, it } from 'vitest'
import { BerthError } from '../../../../../lib/errors.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

describe('a start that fails', () => {
  it('says the stage, the cause and the last lines of the log, leaves no container, and can be tried again', async () => {
    plane.bridge.failClone = { code: 'repository_forbidden', message: 'The token may not read acme/widgets.' }
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: {
        stage: 'clone',
        code: 'repository_forbidden',
        message: 'The token may not read acme/widgets.',
        logTail: ['the bridge listens'],
      },
      run: { status: 'ENDED', reason: 'failed' },
    })
    expect(await plane.containers(id)).toEqual([])
    plane.bridge.failClone = null
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', statusDetail: null, run: { reason: 'completed' } })
  })

  it('without an engine says so with what to do, once, and begins by itself when the engine answers', async () => {
    plane.driver.setReachable(false)
    const { id } = await ada.create()
    await ada.start(id)
    await plane.settle(id)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: { stage: 'image', code: 'engine_unreachable', hint: 'setReachable(true)' },
      run: { status: 'PENDING' },
    })
    plane.driver.setReachable(true)
    await plane.parts.supervisor.reconcile()
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', statusDetail: null, run: { reason: 'completed' } })
    expect((await plane.events(id)).filter(({ data }) => data.status === 'FAILED')).toHaveLength(1)
  })

  it('without an engine is tried at once when a person asks, and can be taken back', async () => {
    plane.driver.setReachable(false)
    const { id } = await ada.create()
    await ada.start(id)
    await plane.settle(id)
    plane.driver.setReachable(true)
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
    plane.driver.setReachable(false)
    await ada.stop(id)
    await plane.untilAtRest(id)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: { code: 'engine_unreachable' },
      run: { task: 'Go on', reason: 'cancelled' },
    })
    plane.driver.setReachable(true)
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await plane.containers(id)).toEqual([])
  })
})

describe('a start whose sandbox is lost', () => {
  const loseCloning = (times: number) => {
    const { clone } = plane.bridge.client
    let left = times
    plane.bridge.client.clone = async function* (...command) {
      left -= 1
      if (left >= 0) throw new BerthError('sandbox_lost', 'The bridge went away.')
      yield* clone(...command)
    }
  }

  it('is begun again in a new container', async () => {
    loseCloning(1)
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
    expect(await plane.events(id, 'run_started')).toHaveLength(1)
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-2', state: 'running' }])
  })

  it('before its bridge answers is not waited for', async () => {
    const { waitUntilReady } = plane.bridge.client
    plane.bridge.client.waitUntilReady = async (_timeoutMs, signal) => {
      plane.bridge.client.waitUntilReady = waitUntilReady
      const [container] = await plane.driver.list({ installationId: 'ins_test' })
      if (container) plane.driver.endOutside(container)
      return await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-2' }])
  })

  it('a second time fails with its reason, leaves no container, and can be tried again', async () => {
    loseCloning(2)
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: { stage: 'clone', code: 'sandbox_lost' },
      run: { status: 'ENDED', reason: 'failed' },
    })
    expect(await plane.containers(id)).toEqual([])
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
  })
})
