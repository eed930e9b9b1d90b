/** What is said to an agent, and the run that it becomes: from the words to the pull request. */
import { describe, expect, it } from 'vitest'
import { listAgents } from '../../../../../lib/services/agent/list.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { createPerson } from '../../../../support/person.ts'

startFreshControlPlanes()

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
