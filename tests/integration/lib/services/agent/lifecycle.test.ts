import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BerthError } from '../../../../../lib/errors.ts'
import { listAgents } from '../../../../../lib/services/agent/list.ts'
import { recordPush } from '../../../../../lib/services/push/broker-access.ts'
import { type ControlPlane, startControlPlane } from '../../../../support/control-plane.ts'
import { createPerson, type Person } from '../../../../support/person.ts'

let plane: ControlPlane
let ada: Person

beforeEach(async () => {
  plane = await startControlPlane()
  ada = createPerson(plane)
})

afterEach(() => plane.close())

const lost = () => new BerthError('sandbox_lost', 'The bridge went away.')

describe('a task', () => {
  it('becomes a pull request', async () => {
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      additions: 3,
      deletions: 1,
      pullRequest: { number: 1, url: 'https://forge.example/pull/1', title: 'Fix the bug' },
      run: { status: 'ENDED', reason: 'completed', summary: 'Done.' },
    })
    expect(plane.bridge.calls).toEqual(['clone acme/widgets main berth/fix', 'commit Fix the bug', 'push berth/fix'])
    expect(plane.forge.pullRequests).toMatchObject([{ head: 'berth/fix', base: 'main' }])
    const told = (await plane.events(id)).map(({ type }) => type).filter((type) => type !== 'status')
    expect(told).toEqual(['message', 'run_started', 'done', 'commit', 'pull_request'])
  })

  it('is shown stage by stage while the sandbox starts', async () => {
    const id = await ada.createAndRun()
    const stages = (await plane.events(id, 'status')).map((event) => event.data.stage)
    expect(stages.filter((stage) => stage !== undefined)).toEqual([
      'image',
      'container',
      'bridge',
      'clone',
      'clone',
      'model',
    ])
  })

  it('has its events numbered without gaps', async () => {
    const id = await ada.createAndRun()
    const seqs = (await plane.events(id)).map((event) => event.seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
    expect((await ada.read(id)).lastSeq).toBe(seqs.length)
  })

  it('is sent to the bridge with the id of the message that holds its words', async () => {
    const id = await ada.createAndRun()
    const [message] = await plane.events(id, 'message')
    expect(message?.data).toMatchObject({ text: 'Fix the bug', from: { name: 'ada@example.com' } })
    expect(plane.bridge.commands[0]?.input).toEqual({ eventId: message?.id, text: 'Fix the bug' })
  })

  it('does not start without a model key, and nothing is kept of the try', async () => {
    const { apiKey: _key, ...openrouter } = plane.parts.settings.openrouter
    plane.parts.settings = { ...plane.parts.settings, openrouter: { ...openrouter, apiKey: null } }
    const { id } = await ada.create()
    await expect(ada.start(id)).rejects.toMatchObject({
      code: 'model_key_missing',
      hint: 'Set OPENROUTER_API_KEY in .env and start Berth again.',
    })
    expect(await plane.events(id)).toEqual([])
    expect((await ada.read(id)).status).toBe('IDLE')
  })
})

describe('a repeated call', () => {
  it('starts one run and one container for twenty calls at once', async () => {
    plane.bridge.onExecute = () => {}
    const { id } = await ada.create()
    const answers = await Promise.all(Array.from({ length: 20 }, () => ada.start(id)))
    expect(new Set(answers.map((answer) => answer.run?.id)).size).toBe(1)
    await plane.until(id, (event) => event.type === 'run_started')
    await plane.settle(id)
    expect(plane.bridge.commands).toHaveLength(1)
    expect(await plane.containers(id)).toHaveLength(1)
  })

  it('of resume with another task during a run is refused, and says what is allowed', async () => {
    const id = await ada.createRunning()
    await expect(ada.resume(id, 'else')).rejects.toMatchObject({
      code: 'run_in_progress',
      details: { agentStatus: 'RUNNING', allowed: ['chat', 'cancel', 'stop', 'delete'] },
    })
  })
})

describe('a new instruction', () => {
  it('runs in the same container, without cloning again', async () => {
    const id = await ada.createAndRun()
    const [before] = await plane.containers(id)
    const { run } = await ada.resume(id, 'And the docs')
    await plane.untilAtRest(id)
    expect(await plane.containers(id)).toEqual([before])
    expect(plane.bridge.calls.filter((call) => call.startsWith('clone'))).toHaveLength(1)
    expect(plane.bridge.commands.at(-1)).toMatchObject({
      runId: run?.id,
      input: { text: 'And the docs' },
      continued: false,
    })
    expect(plane.forge.pullRequests).toHaveLength(1)
    expect(await plane.events(id, 'pull_request')).toHaveLength(2)
  })

  it('comes by chat too while no run is in progress', async () => {
    const id = await ada.createAndRun()
    await ada.say(id, 'One more thing')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.input.text).toBe('One more thing')
  })

  it('after stop makes a new container on the same volumes', async () => {
    const id = await ada.createAndRun()
    const [before] = await plane.containers(id)
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', isolated: null })
    expect(await plane.containers(id)).toEqual([])
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    const [after] = await plane.containers(id)
    expect(after?.incarnation).not.toBe(before?.incarnation)
    expect(plane.bridge.calls.filter((call) => call.startsWith('clone'))).toHaveLength(1)
  })

  it('brings the conversation from the database when the volumes are gone', async () => {
    const id = await ada.createAndRun()
    await ada.stop(id)
    await plane.untilAtRest(id)
    plane.bridge.loseVolumes()
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    const history = plane.bridge.commands.at(-1)?.history ?? []
    expect(history.map((event) => event.type)).toEqual(['message', 'run_started', 'done', 'message'])
    expect((await ada.read(id)).run).toMatchObject({ reason: 'completed' })
    const seqs = (await plane.events(id)).map((event) => event.seq)
    expect(seqs).toEqual(seqs.map((_, index) => index + 1))
  })
})

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

describe('what was said to a run that never began', () => {
  it('is told to the bridge before the next words', async () => {
    plane.bridge.failClone = { code: 'repository_forbidden', message: 'The token may not read acme/widgets.' }
    const id = await ada.createAndRun()
    plane.bridge.failClone = null
    await ada.resume(id, 'And the docs')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands[0]).toMatchObject({
      earlier: [{ text: 'Fix the bug' }],
      input: { text: 'And the docs' },
    })
    await ada.resume(id, 'And the tests')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands[1]?.earlier).toBeUndefined()
  })
})

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
      if (left >= 0) throw lost()
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

describe('a delivery whose sandbox is lost', () => {
  const loseCommitting = (times: number) => {
    const { commit } = plane.bridge.client
    let left = times
    plane.bridge.client.commit = async (...command) => {
      left -= 1
      if (left >= 0) throw lost()
      return await commit(...command)
    }
  }

  it('is done from a new container, once', async () => {
    // The second time on a new connection, which shows that it is the sandbox that is lost.
    loseCommitting(2)
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', pullRequest: { number: 1 } })
    expect(await plane.events(id, 'pull_request')).toHaveLength(1)
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-2' }])
  })

  it('a second time is skipped with its reason, and can be asked for', async () => {
    loseCommitting(3)
    const id = await ada.createAndRun()
    const skipped = { action: 'skipped', code: 'sandbox_lost', reason: 'The bridge went away.' }
    expect((await plane.events(id, 'pull_request')).at(-1)?.data).toEqual(skipped)
    const { pullRequest } = await ada.openPullRequest(id)
    expect(pullRequest).toMatchObject({ action: 'opened', number: 1 })
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

describe('a pull request', () => {
  it('that is refused says why in the log, and the agent waits', async () => {
    plane.bridge.refusePush = 'fetch and merge first'
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', pullRequest: null })
    const [skipped] = await plane.events(id, 'pull_request')
    expect(skipped?.data).toMatchObject({ action: 'skipped', reason: 'The push was refused: fetch and merge first' })
  })

  it('is skipped when nothing changed', async () => {
    plane.bridge.changes = { ahead: 0, additions: 0, deletions: 0 }
    const id = await ada.createAndRun()
    const [skipped] = await plane.events(id, 'pull_request')
    expect(skipped?.data).toMatchObject({ action: 'skipped', reason: 'The run changed nothing.' })
    expect(plane.bridge.calls).not.toContain('push berth/fix')
  })

  it('keeps its words when a later run only answers, and gets new ones when a run pushed', async () => {
    const id = await ada.createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: 'b'.repeat(40), newSha: 'c'.repeat(40), outcome: 'ok' } as const
    await recordPush(plane.parts, id, push)
    const [before] = plane.forge.pullRequests.map(({ body }) => body)
    await ada.say(id, 'Why did you do that?')
    await plane.untilAtRest(id)
    expect((await plane.events(id, 'pull_request')).at(-1)?.data).toEqual({
      action: 'skipped',
      reason: 'The run changed nothing.',
    })
    expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([before])
    plane.bridge.onExecute = () => {
      void recordPush(plane.parts, id, push).then(() => plane.bridge.end('completed', 'Pushed by itself.'))
    }
    await ada.say(id, 'Open it yourself')
    await plane.untilAtRest(id)
    expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([expect.stringContaining('Pushed by itself.')])
  })

  it('can be asked for, again and again, and there is one', async () => {
    const id = await ada.createAndRun()
    const first = await ada.openPullRequest(id)
    const second = await ada.openPullRequest(id)
    expect([first.pullRequest, second.pullRequest]).toMatchObject([{ action: 'updated' }, { action: 'updated' }])
    expect(plane.forge.pullRequests).toHaveLength(1)
  })

  it('wakes the sandbox when it must', async () => {
    const id = await ada.createAndRun()
    await ada.stop(id)
    await plane.untilAtRest(id)
    const { agent, pullRequest } = await ada.openPullRequest(id)
    expect(pullRequest.action).toBe('updated')
    expect(agent.status).toBe('READY')
  })
})

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
    plane.bridge.client.workspaceState = () => Promise.reject(lost())
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

describe('what is being written', () => {
  it('is shown after the events that lie before it, and before its own', async () => {
    const id = await ada.createRunning()
    const shown: string[] = []
    const leave = plane.parts.hub.subscribe((message) => {
      if (message.kind === 'delta') shown.push(`delta ${message.delta.data.delta}`)
      if (message.kind === 'events') shown.push(...message.events.map((event) => `${event.type} ${event.data.text}`))
    })
    const runId = plane.bridge.running()
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'one' })
    plane.bridge.sayDelta({ type: 'text_delta', runId, data: { messageId: 'm2', offset: 0, delta: 'tw' } })
    plane.bridge.say('text', { step: 2, messageId: 'm2', text: 'two' })
    plane.bridge.say('text', { step: 3, messageId: 'm3', text: 'three' })
    await plane.until(id, (event) => event.data.text === 'three')
    leave()
    expect(shown).toEqual(['text one', 'delta tw', 'text two', 'text three'])
  })
})

describe('a hostile sandbox', () => {
  it('cannot write what only the control plane writes; its other events go on', async () => {
    const id = await ada.createRunning()
    plane.bridge.say('usage', { model: 'free', costUsd: 0 })
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'after' })
    plane.bridge.end('completed')
    plane.bridge.say(
      'done',
      { reason: 'completed', steps: 9, inputTokens: 0, outputTokens: 0, durationMs: 0 },
      'run_other',
    )
    await plane.untilAtRest(id)
    const log = await plane.events(id)
    expect(log.filter((event) => event.type === 'usage')).toEqual([])
    expect(log.find((event) => event.type === 'error')?.data).toMatchObject({ code: 'event_rejected' })
    expect(log.filter((event) => event.type === 'text')).toHaveLength(1)
    expect(log.filter((event) => event.type === 'done')).toHaveLength(1)
  })
})

describe('an event that the database could not take', () => {
  it('does not hold up those after it', async () => {
    const id = await ada.createRunning()
    const runId = plane.bridge.running()
    plane.bridge.say('thinking', { step: 2 ** 40, maxSteps: 15, tokensUsed: 0, maxTokens: null })
    plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'other' }, 'run_\0')
    plane.bridge.say('text', { step: 1, messageId: 'm2', text: 'after' }, runId)
    await plane.until(id, (event) => event.data.text === 'after')
    const log = await plane.events(id)
    expect(log.find((event) => event.type === 'error')?.data).toMatchObject({ code: 'event_rejected' })
    expect(log.find((event) => event.data.text === 'other')?.runId).toBe('run_\uFFFD')
  })
})

describe('another person', () => {
  it('sees no agent that is not theirs', async () => {
    const id = await ada.createAndRun()
    const eve = createPerson(plane, await plane.as('eve@example.com'))
    const calls = [eve.read, eve.start, eve.cancel, eve.stop, eve.purge, eve.openPullRequest]
    for (const call of calls) await expect(call(id)).rejects.toMatchObject({ code: 'not_found' })
    await expect(eve.resume(id, 'x')).rejects.toMatchObject({ code: 'not_found' })
    expect((await listAgents({ ctx: eve.ctx, input: { limit: 50 } })).items).toEqual([])
    expect((await listAgents({ ctx: ada.ctx, input: { limit: 50 } })).items).toHaveLength(1)
  })
})
