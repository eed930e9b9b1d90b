/** Words during a run: they wait for it and are a person's until it has them; none is lost, and none is told twice. */
import { describe, expect, it } from 'vitest'
import { listQueue, removeQueued, rewordQueued } from '../../../../../lib/services/queue/queue.ts'
import { takeMessages } from '../../../../../lib/services/queue/take.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

const waiting = async (agentId: string) =>
  (await listQueue({ ctx: ada.ctx, input: { agentId } })).items.map(({ text }) => text)
const said = async (agentId: string) => (await plane.events(agentId, 'message')).map(({ data }) => data.text)

describe('words during a run', () => {
  it('wait for the run, which is told of them once', async () => {
    const id = await ada.createRunning()
    const { queued, run } = await ada.say(id, 'Also the docs')
    expect(queued).toMatchObject({ text: 'Also the docs', mode: 'queue', from: { name: 'ada@example.com' } })
    await plane.settle(id)
    await plane.settle(id)
    expect(plane.bridge.calls.filter((call) => call.startsWith('attend'))).toEqual(['attend'])
    expect(await ada.read(id)).toMatchObject({ status: 'RUNNING', queued: 1, run: { id: run?.id } })
    expect(await said(id)).toEqual(['Fix the bug'])
  })

  it('are listed, changed and taken back until the run has them', async () => {
    const id = await ada.createRunning()
    const first = (await ada.say(id, 'one')).queued?.id ?? ''
    const second = (await ada.say(id, 'two')).queued?.id ?? ''
    await ada.say(id, 'three')
    await rewordQueued({ ctx: ada.ctx, input: { agentId: id, messageId: first, message: 'uno' } })
    await removeQueued({ ctx: ada.ctx, input: { agentId: id, messageId: second } })
    expect(await waiting(id)).toEqual(['uno', 'three'])
    const { run } = await ada.read(id)
    const taken = await takeMessages(plane.parts, { agentId: id, runId: run?.id ?? '' })
    expect(taken.messages).toMatchObject([{ eventId: first, text: 'uno' }, { text: 'three' }])
    expect(await said(id)).toEqual(['Fix the bug', 'uno', 'three'])
    expect(await waiting(id)).toEqual([])
    const gone = { agentId: id, messageId: first }
    await expect(rewordQueued({ ctx: ada.ctx, input: { ...gone, message: 'x' } })).rejects.toMatchObject({
      code: 'not_found',
    })
    await expect(removeQueued({ ctx: ada.ctx, input: gone })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('interrupt the step when they are to', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'Stop that', 'interrupt')
    await plane.settle(id)
    expect(plane.bridge.calls).toContain('attend interrupt')
  })

  it("are another person's business to nobody", async () => {
    const id = await ada.createRunning()
    const { queued } = await ada.say(id, 'mine')
    const ctx = await plane.as('eve@example.com')
    const input = { agentId: id, messageId: queued?.id ?? '' }
    await expect(listQueue({ ctx, input })).rejects.toMatchObject({ code: 'not_found' })
    await expect(removeQueued({ ctx, input })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('are given to no other run, and not to one that is being cancelled', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'wait')
    await expect(takeMessages(plane.parts, { agentId: id, runId: 'run_else' })).rejects.toMatchObject({
      code: 'state_conflict',
    })
    expect(await waiting(id)).toEqual(['wait'])
  })

  it('that come as the run ends begin the next one, all of them, in order', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'first')
    await ada.say(id, 'second')
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    expect(await said(id)).toEqual(['Fix the bug', 'first', 'second'])
    expect(plane.bridge.commands.at(-1)).toMatchObject({ earlier: [{ text: 'first' }], input: { text: 'second' } })
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      queued: 0,
      run: { task: 'second', reason: 'completed' },
    })
  })

  it('stay when the run is cancelled, and come first with the next instruction', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'later')
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', queued: 1 })
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)).toMatchObject({ earlier: [{ text: 'later' }], input: { text: 'Go on' } })
    expect(await ada.read(id)).toMatchObject({ queued: 0 })
  })

  it('are told again to a bridge that was killed, and given again when it had taken them', async () => {
    const id = await ada.createRunning()
    const { run } = await ada.read(id)
    await ada.say(id, 'taken')
    await takeMessages(plane.parts, { agentId: id, runId: run?.id ?? '' })
    await ada.say(id, 'waiting')
    await plane.settle(id)
    plane.bridge.crash()
    await plane.until(id, ({ type, data }) => type === 'run_started' && data.continued === true)
    expect(plane.bridge.commands.at(-1)).toMatchObject({ continued: true, said: [{ text: 'taken' }], attend: true })
  })

  it('are given again as often as the run asks, for an answer can be lost on its way', async () => {
    const id = await ada.createRunning()
    const runId = (await ada.read(id)).run?.id ?? ''
    await ada.say(id, 'one')
    const lost = await takeMessages(plane.parts, { agentId: id, runId })
    await ada.say(id, 'two')
    const { messages } = await takeMessages(plane.parts, { agentId: id, runId })
    expect(messages).toEqual([...lost.messages, { eventId: expect.any(String), text: 'two' }])
    expect(await said(id)).toEqual(['Fix the bug', 'one', 'two'])
  })

  it('that a run took and lost on the way come before the next task', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'lost')
    await takeMessages(plane.parts, { agentId: id, runId: (await ada.read(id)).run?.id ?? '' })
    plane.bridge.end('step_limit')
    await plane.untilAtRest(id)
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)).toMatchObject({ earlier: [{ text: 'lost' }], input: { text: 'Go on' } })
  })

  it('that came first with a run that never began come before the next task, too', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'said first')
    await ada.cancel(id)
    await plane.untilAtRest(id)
    plane.bridge.cloned = false
    await ada.resume(id, 'Never begun')
    await plane.settle(id)
    await ada.cancel(id)
    await plane.untilAtRest(id)
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)).toMatchObject({
      earlier: [{ text: 'said first' }, { text: 'Never begun' }],
      input: { text: 'Go on' },
    })
  })

  it('outlive the control plane', async () => {
    const id = await ada.createRunning()
    await ada.say(id, 'still here')
    const next = await plane.boot()
    await next.supervisor.settle(id)
    expect((await next.stores.queue.list(id)).map(({ text }) => text)).toEqual(['still here'])
    expect(plane.bridge.calls.filter((call) => call === 'attend').length).toBeGreaterThanOrEqual(1)
  })
})
