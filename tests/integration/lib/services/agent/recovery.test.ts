/** A control plane, a connection, an engine or a sandbox that is lost or away: the run goes on, or ends with its reason. */
import { describe, expect, it } from 'vitest'
import { BerthError } from '../../../../../lib/errors.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { createPerson } from '../../../../support/person.ts'

startFreshControlPlanes()

describe('a control plane that dies during a run', () => {
  it('is followed by one that goes on with the same run and loses and doubles no event', async () => {
    const id = await ada.createRunning()
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'one' })
    await plane.until(id, (event) => event.data.text === 'one')
    // The first process is gone: what it had open ends, and the bridge goes on without it.
    await plane.parts.supervisor.close()
    plane.bridge.say('text', { step: 2, messageId: 'm2', text: 'two' })
    plane.bridge.end('completed', 'Done.')
    const second = await plane.boot()
    await second.supervisor.reconcile()
    await plane.untilAtRest(id)
    const log = await plane.events(id)
    expect(log.filter((event) => event.type === 'text').map((event) => event.data.text)).toEqual(['one', 'two'])
    expect(log.map((event) => event.seq)).toEqual(log.map((_, index) => index + 1))
    expect(plane.bridge.commands).toHaveLength(1)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
    expect(plane.forge.pullRequests).toHaveLength(1)
  })
})

describe('a second control plane on the same database', () => {
  it('leaves alone what the first one holds', async () => {
    const id = await ada.createRunning()
    const before = await plane.containers(id)
    const second = await plane.boot('own_other')
    await second.supervisor.reconcile()
    await second.supervisor.settle(id)
    expect(await plane.containers(id)).toEqual(before)
    expect(await ada.read(id)).toMatchObject({ status: 'RUNNING', run: { status: 'RUNNING', reason: null } })
    await createPerson(plane, { ...plane.ctx, parts: second }).stop(id)
    // The one that holds it is told, and does what the row says.
    await plane.untilAtRest(id)
    expect(await plane.containers(id)).toEqual([])
  })
})

describe('a connection that breaks during a run', () => {
  it('is made again from what is stored', async () => {
    const id = await ada.createRunning()
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'one' })
    plane.bridge.cut()
    plane.bridge.say('text', { step: 2, messageId: 'm2', text: 'two' })
    plane.bridge.end('completed')
    await plane.untilAtRest(id)
    const texts = await plane.events(id, 'text')
    expect(texts.map((event) => event.data.text)).toEqual(['one', 'two'])
    expect(await ada.read(id)).toMatchObject({ status: 'READY' })
  })
})

describe('a runner that is away when the connection is made again', () => {
  it('does not end the run that goes on in its sandbox', async () => {
    const id = await ada.createRunning()
    plane.bridge.cloned = false
    plane.bridge.client.workspaceState = () => Promise.reject(new BerthError('sandbox_lost', 'The bridge went away.'))
    plane.bridge.cut()
    await expect.poll(() => plane.bridge.openTunnels().length).toBe(2)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'RUNNING', run: { status: 'RUNNING' } })
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-1', state: 'running' }])
  })
})

describe('an engine that does not answer for a moment', () => {
  const loseSight = async (agentId: string) => {
    plane.driver.setReachable(false)
    plane.bridge.cut()
    await expect.poll(() => plane.parts.supervisor.connection(agentId)).toBeNull()
    await plane.settle(agentId)
  }

  it('does not end the run that goes on in its sandbox', async () => {
    const id = await ada.createRunning()
    await loseSight(id)
    expect(await ada.read(id)).toMatchObject({ status: 'RUNNING', run: { status: 'RUNNING' } })
    plane.bridge.end('completed', 'Done meanwhile.')
    plane.driver.setReachable(true)
    await plane.parts.supervisor.reconcile()
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      run: { reason: 'completed', summary: 'Done meanwhile.' },
    })
    expect(await plane.containers(id)).toHaveLength(1)
  })

  it('leaves a container that waits as it is', async () => {
    const id = await ada.createAndRun()
    await loseSight(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', statusDetail: null })
    plane.driver.setReachable(true)
    expect(await plane.containers(id)).toHaveLength(1)
  })
})

describe('a container that waits', () => {
  it('and ends, even while it is looked at, is brought back by the next instruction', async () => {
    const id = await ada.createAndRun()
    const { ensureRunner, endOutside } = plane.driver
    plane.driver.ensureRunner = async (labels) => {
      endOutside(labels)
      return await ensureRunner(labels)
    }
    plane.bridge.cut()
    await plane.until(id, ({ type, data }) => type === 'status' && (data.status === 'IDLE' || data.status === 'FAILED'))
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', statusDetail: null })
    plane.driver.ensureRunner = ensureRunner
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
  })
})

describe('a sandbox that is lost during a run', () => {
  it('is started again, and the run continues once by itself', async () => {
    const id = await ada.createRunning()
    const [container] = await plane.containers(id)
    if (container) plane.driver.endOutside(container)
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done after all.')
    plane.bridge.crash()
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.map((command) => command.continued)).toEqual([false, true])
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      run: { reason: 'completed', summary: 'Done after all.' },
    })
  })

  it('is made anew when it ends while it is reached for', async () => {
    const id = await ada.createRunning()
    const { ensureRunner, endOutside } = plane.driver
    plane.driver.ensureRunner = async (labels) => {
      endOutside(labels)
      return await ensureRunner(labels)
    }
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done after all.')
    plane.bridge.crash()
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.map((command) => command.continued)).toEqual([false, true])
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      run: { reason: 'completed', summary: 'Done after all.' },
    })
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-2' }])
  })

  it('a second time ends the run with its reason', async () => {
    const id = await ada.createRunning()
    plane.bridge.crash()
    await plane.until(id, (event) => event.type === 'run_started' && event.data.continued === true)
    await plane.settle(id)
    plane.bridge.crash()
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { status: 'ENDED', reason: 'sandbox_lost' } })
    expect(await plane.events(id, 'done')).toHaveLength(1)
  })
})
