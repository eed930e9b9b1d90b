/** What the worker of an agent does when its sandbox, or the wish, changes under the step that is being taken. */
import { describe, expect, it } from 'vitest'
import type { BridgeClient } from '../../../../../lib/drivers/bridge/port.ts'
import { BerthError } from '../../../../../lib/errors.ts'
import { sleepIdleAgents } from '../../../../../lib/services/agent/sleep.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { createPerson } from '../../../../support/person.ts'

startFreshControlPlanes()

/** The connection goes as the call is made, the first time; the call answers nothing. */
function cutUnder(name: 'attend' | 'cancel' | 'workspaceState' | 'execute', how: 'cut' | 'crash' = 'cut') {
  const { client } = plane.bridge
  const call = client[name]
  const cutOnce = (...args: never[]) => {
    Object.assign(client, { [name]: call })
    plane.bridge[how]()
    return (plane.bridge.connectionLost() as (...args: never[]) => never)(...args)
  }
  Object.assign(client, { [name]: cutOnce } satisfies Partial<Record<keyof BridgeClient, unknown>>)
}

describe('a bridge that goes away', () => {
  it('as it is told of words: the run is found again and told', async () => {
    const id = await ada.createRunning()
    cutUnder('attend')
    await ada.say(id, 'Hurry')
    await plane.settle(id)
    expect(plane.bridge.calls.filter((call) => call === 'attend')).toHaveLength(1)
    expect(await ada.read(id)).toMatchObject({ status: 'RUNNING', run: { status: 'RUNNING' } })
  })

  it('for good as it is told to cancel: the run is cancelled, the container stays', async () => {
    const id = await ada.createRunning()
    const [before] = await plane.containers(id)
    cutUnder('cancel', 'crash')
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'cancelled' } })
    expect(await plane.containers(id)).toEqual([before])
  })

  it('as the work leaves: it leaves by the next connection', async () => {
    const { id } = await ada.create()
    cutUnder('workspaceState')
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      pullRequest: { number: 1 },
      run: { reason: 'completed' },
    })
    expect(plane.forge.pullRequests).toHaveLength(1)
  })

  it('as it is handed a run: it is handed the run again', async () => {
    const id = await ada.createAndRun()
    cutUnder('execute')
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { task: 'Go on', reason: 'completed' } })
  })

  it('by not answering as the work leaves: it leaves from another sandbox', async () => {
    const { commit } = plane.bridge.client
    plane.bridge.client.commit = async () => {
      plane.bridge.client.commit = commit
      throw new BerthError('sandbox_lost', 'The bridge did not answer.', { details: { timeoutMs: 1 } })
    }
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      pullRequest: { number: 1 },
      run: { reason: 'completed' },
    })
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-2' }])
  })

  it('again and again: the agent fails, and says so', async () => {
    const id = await ada.createAndRun()
    plane.bridge.client.execute = async () => plane.bridge.connectionLost()()
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'FAILED', statusDetail: { code: 'sandbox_lost' } })
    expect(await plane.containers(id)).toEqual([])
  })
})

describe('a sandbox that is lost and whose engine is away before there is another', () => {
  it('is continued in once, when there is one', async () => {
    const id = await ada.createRunning()
    const { waitUntilReady } = plane.bridge.client
    const failures = (['sandbox_lost', 'sandbox_lost', 'engine_unreachable'] as const).map(
      (code) => new BerthError(code, 'It is away.'),
    )
    plane.bridge.client.waitUntilReady = async (...args) => {
      const failure = failures.shift()
      if (failure) throw failure
      return await waitUntilReady(...args)
    }
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done after all.')
    plane.bridge.crash()
    await plane.untilAtRest(id)
    expect(failures).toEqual([])
    expect(plane.bridge.commands.map(({ continued }) => continued)).toEqual([false, true])
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      run: { reason: 'completed', summary: 'Done after all.' },
    })
  })
})

describe('a container that is gone', () => {
  it('is made anew for what was asked while it was looked for', async () => {
    const id = await ada.createAndRun()
    const [sandbox] = await plane.containers(id)
    const { list } = plane.driver
    const asked = Promise.withResolvers<unknown>()
    plane.driver.list = async (...args) => {
      plane.driver.list = list
      asked.resolve(ada.openPullRequest(id))
      await expect.poll(async () => (await plane.parts.stores.agents.find(id))?.deliveryAskedAt).toBeInstanceOf(Date)
      return await list(...args)
    }
    if (sandbox) plane.driver.endOutside(sandbox)
    plane.bridge.cut()
    expect(await asked.promise).toMatchObject({ pullRequest: { action: 'updated' }, agent: { status: 'READY' } })
    expect(await plane.containers(id)).toMatchObject([{ state: 'running' }])
  })
})

describe('a sandbox that speaks of the engine', () => {
  it('is not believed: its start fails', async () => {
    plane.bridge.failClone = { code: 'engine_unreachable', message: 'Wait for ever.' }
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: { stage: 'clone', code: 'start_failed' },
    })
  })
})

describe('the work of a run that has ended', () => {
  /** The run ends, and its delivery waits at the push until `push` is called. */
  async function createDelivering() {
    const pushing = Promise.withResolvers<void>()
    const allowed = Promise.withResolvers<void>()
    const { push } = plane.bridge.client
    plane.bridge.client.push = async (...args) => {
      pushing.resolve()
      await allowed.promise
      return await push(...args)
    }
    const { id } = await ada.create()
    await ada.start(id)
    await pushing.promise
    return { id, push: () => allowed.resolve() }
  }

  it('leaves before the next run begins', async () => {
    const { id, push } = await createDelivering()
    const { run } = await ada.resume(id, 'And the docs')
    push()
    await plane.untilAtRest(id)
    const ends = (await plane.events(id)).filter(({ type }) => ['run_started', 'pull_request', 'done'].includes(type))
    expect(ends.map(({ type, runId }) => `${type} ${runId === run?.id ? 'second' : 'first'}`)).toEqual([
      'run_started first',
      'done first',
      'pull_request first',
      'run_started second',
      'done second',
      'pull_request second',
    ])
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { task: 'And the docs', reason: 'completed' } })
  })

  it('leaves although start is said meanwhile, and is put on record', async () => {
    const { id, push } = await createDelivering()
    await ada.start(id)
    push()
    await plane.untilAtRest(id)
    expect(await plane.events(id, 'pull_request')).toHaveLength(1)
    expect((await plane.parts.stores.agents.find(id))?.workspace).toMatchObject({ digest: 'd'.repeat(64) })
  })

  it('leaves although its workspace has words that the database does not take', async () => {
    plane.bridge.workspace.branch = 'work\0\ud800'
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', pullRequest: { number: 1 } })
    expect((await plane.parts.stores.agents.find(id))?.workspace).toMatchObject({ branch: 'work\uFFFD\uFFFD' })
  })

  it('leaves although the run that would have followed is cancelled, on a new connection too', async () => {
    const { id, push } = await createDelivering()
    const next = await plane.boot()
    const reached = Promise.withResolvers<void>()
    plane.bridge.client.push = async (_command, signal) => {
      plane.bridge.client.push = async () => ({ ok: true, head: 'c'.repeat(40), message: '' })
      reached.resolve()
      return await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const there = createPerson(plane, { ...plane.ctx, parts: next })
    await there.resume(id, 'And the docs')
    await reached.promise
    await there.cancel(id)
    await plane.untilAtRest(id)
    push()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { task: 'And the docs', reason: 'cancelled' } })
    expect((await plane.events(id, 'pull_request')).at(0)?.data).toMatchObject({ action: 'opened' })
  })

  it('leaves after the control plane died before it', async () => {
    const { id, push } = await createDelivering()
    const next = await plane.boot()
    plane.bridge.client.push = async () => ({ ok: true, head: 'c'.repeat(40), message: '' })
    await next.supervisor.settle(id)
    expect(plane.forge.pullRequests).toHaveLength(1)
    push()
  })
})

describe('a start that is cancelled', () => {
  it('before its bridge answers leaves no container, and is made again by start', async () => {
    const asked = Promise.withResolvers<void>()
    const { waitUntilReady } = plane.bridge.client
    plane.bridge.client.waitUntilReady = (_timeoutMs, signal) => {
      asked.resolve()
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const { id } = await ada.create()
    await ada.start(id)
    await asked.promise
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { reason: 'cancelled' } })
    expect(await plane.containers(id)).toEqual([])
    plane.bridge.client.waitUntilReady = waitUntilReady
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { task: 'Fix the bug', reason: 'completed' } })
  })
})

describe('an agent that falls asleep', () => {
  const fallAsleep = async (agentId: string) => {
    plane.parts.settings = { ...plane.parts.settings, idleSleepAfterMs: 0 }
    await sleepIdleAgents(plane.parts)
    await plane.settle(agentId)
  }

  it('and is stopped meanwhile is stopped, its container gone', async () => {
    const id = await ada.createAndRun()
    plane.parts.settings = { ...plane.parts.settings, idleSleepAfterMs: 0 }
    await Promise.all([sleepIdleAgents(plane.parts), ada.stop(id)])
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE' })
    expect(await plane.containers(id)).toEqual([])
  })

  it('is looked at again under its lock: one that was active meanwhile stays up', async () => {
    const id = await ada.createAndRun()
    const agent = await plane.parts.stores.agents.find(id)
    plane.parts.settings = { ...plane.parts.settings, idleSleepAfterMs: 60_000 }
    // As it was when the agents were listed, before somebody spoke to it.
    plane.parts.stores.agents.listIdleSince = async () => (agent ? [{ ...agent, activeAt: new Date(0) }] : [])
    await sleepIdleAgents(plane.parts)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY' })
  })

  it('is not kept up by being looked at', async () => {
    const id = await ada.createAndRun()
    const before = (await plane.parts.stores.agents.find(id))?.activeAt
    await ada.read(id)
    await plane.events(id)
    await plane.settle(id)
    await plane.parts.supervisor.reconcile()
    await plane.settle(id)
    expect((await plane.parts.stores.agents.find(id))?.activeAt).toEqual(before)
  })

  it('is started once for twenty calls at once', async () => {
    const id = await ada.createAndRun()
    await fallAsleep(id)
    expect(await ada.read(id)).toMatchObject({ status: 'SLEEPING' })
    const before = (await plane.events(id)).length
    await Promise.all(Array.from({ length: 20 }, () => ada.start(id)))
    await plane.untilAtRest(id)
    const said = (await plane.events(id)).slice(before).map(({ data }) => data.status)
    expect(said.filter((status) => status === 'READY')).toHaveLength(1)
    expect(new Set(said)).toEqual(new Set(['STARTING', 'READY']))
    expect(await plane.containers(id)).toMatchObject([{ state: 'running' }])
  })
})

describe('twenty calls at once', () => {
  const twenty = <T>(call: () => Promise<T>) => Promise.all(Array.from({ length: 20 }, call))

  it('of resume with the same task are one run', async () => {
    const id = await ada.createAndRun()
    const answers = await twenty(() => ada.resume(id, 'Go on'))
    await plane.untilAtRest(id)
    const begun = await plane.events(id, 'run_started')
    expect(new Set(answers.map(({ run }) => run?.id)).size).toBe(1)
    expect(begun).toHaveLength(2)
  })

  it('of stop are one end', async () => {
    const id = await ada.createRunning()
    await twenty(() => ada.stop(id))
    await plane.untilAtRest(id)
    const said = (await plane.events(id)).filter(({ type }) => type === 'done' || type === 'status')
    expect(said.filter(({ type }) => type === 'done')).toHaveLength(1)
    expect(said.filter(({ data }) => data.status === 'STOPPING')).toHaveLength(1)
    expect(said.filter(({ data }) => data.status === 'IDLE')).toHaveLength(1)
    expect(await plane.containers(id)).toEqual([])
  })

  it('of purge all answer when it is gone', async () => {
    const id = await ada.createRunning()
    const answers = await Promise.allSettled(Array.from({ length: 20 }, () => ada.purge(id)))
    // A call that is so late that nothing is left of the agent finds none.
    const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []))
    expect(refused.filter((code) => code !== 'not_found')).toEqual([])
    expect(refused.length).toBeLessThan(20)
    expect(await plane.parts.stores.agents.find(id)).toBeNull()
    expect(await plane.containers(id)).toEqual([])
    await expect(ada.purge(id)).rejects.toMatchObject({ code: 'not_found' })
  })

  it('of cancel end the run once', async () => {
    const id = await ada.createRunning()
    await twenty(() => ada.cancel(id))
    await plane.untilAtRest(id)
    expect(await plane.events(id, 'done')).toHaveLength(1)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'cancelled' } })
  })
})
