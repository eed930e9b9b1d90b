/** What happens around the runs: words during one, a divergence before one, sleep after one, setup before the first. */
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../../../lib/clock.ts'
import type { BridgeClient } from '../../../../../lib/drivers/bridge/port.ts'
import { ensureSetup } from '../../../../../lib/services/agent/begin-run.ts'
import { changeAgent } from '../../../../../lib/services/agent/change.ts'
import { sleepIdleAgents } from '../../../../../lib/services/agent/sleep.ts'
import { recordPush } from '../../../../../lib/services/push/broker-access.ts'
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

describe('before a run', () => {
  it('a workspace as it was left is gone on from without asking', async () => {
    const id = await ada.createAndRun()
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })

  it('a workspace that was lost is never replaced in silence', async () => {
    const id = await ada.createAndRun()
    await ada.stop(id)
    await plane.untilAtRest(id)
    plane.bridge.loseVolumes()
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      needs: 'divergence',
      divergence: { kind: 'workspace_lost', choices: ['clone_again'], choice: null },
      run: { status: 'PENDING' },
    })
    expect(plane.bridge.cloned).toBe(false)
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, divergence: null, run: { reason: 'completed' } })
    expect(plane.bridge.commands.at(-1)?.notice).toContain('The workspace was lost')
  })

  it('a workspace that was emptied under a waiting container is cloned again when that is chosen', async () => {
    const id = await ada.createAndRun()
    plane.bridge.cloned = false
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'workspace_lost' } })
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    expect(plane.bridge.cloned).toBe(true)
    expect(await ada.read(id)).toMatchObject({ needs: null, divergence: null, run: { reason: 'completed' } })
  })

  it.each([
    ['HEAD is bbbbbbbbbbbb, it was cccccccccccc', { head: 'b'.repeat(40) }],
    ['HEAD is on main, it was on work', { branch: 'main' }],
    ['files were changed', { digest: 'e'.repeat(64) }],
  ])('it is asked what to do when %s from outside', async (words, change) => {
    const id = await ada.createAndRun()
    Object.assign(plane.bridge.workspace, change)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'workspace_changed', message: `The workspace is not as the last run left it: ${words}.` },
    })
    await ada.resolve(id, 'keep')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.notice).toContain('changed by somebody else')
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { reason: 'completed' } })
  })

  it('what Berth itself committed for a pull request is no change from outside', async () => {
    const id = await ada.createRunning()
    await ada.cancel(id)
    await plane.untilAtRest(id)
    const { pullRequest } = await ada.openPullRequest(id)
    expect(pullRequest).toMatchObject({ action: 'opened' })
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.until(id, ({ type, data }) => type === 'done' && data.reason === 'completed')
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })

  it('a workspace that takes long to look at keeps no stop waiting', async () => {
    const id = await ada.createAndRun()
    const asked = Promise.withResolvers<void>()
    plane.bridge.client.workspaceState = (signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        asked.resolve()
      })
    await ada.resume(id, 'Go on')
    await asked.promise
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { reason: 'cancelled' } })
  })

  it('commits of a person on the target branch are shown, and the agent is told to merge them', async () => {
    const id = await ada.createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: '0'.repeat(40), newSha: '1'.repeat(40), outcome: 'ok' as const }
    await recordPush(plane.parts, id, push)
    plane.forge.branches.set('berth/fix', { sha: '2'.repeat(40), protected: false })
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'branch_moved', recorded: '1'.repeat(40), found: '2'.repeat(40), choices: ['merge', 'keep'] },
    })
    await ada.resolve(id, 'merge')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.notice).toContain('git fetch origin berth/fix')
    // The broker's to find out: a push that does not build on them would drop them.
    expect((await plane.parts.stores.agents.find(id))?.targetTip).toBe('1'.repeat(40))
  })

  it('a branch that moved and a workspace that was changed are one question, and the agent is told of both', async () => {
    const id = await ada.createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: '0'.repeat(40), newSha: '1'.repeat(40), outcome: 'ok' as const }
    await recordPush(plane.parts, id, push)
    plane.forge.branches.set('berth/fix', { sha: '2'.repeat(40), protected: false })
    plane.bridge.workspace.digest = 'e'.repeat(64)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    const message =
      'berth/fix has commits on the remote that are not from this agent: it is at 222222222222, the agent left it at 111111111111. The workspace is not as the last run left it: files were changed.'
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'branch_moved', message } })
    await ada.resolve(id, 'merge')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.notice).toMatch(/changed by somebody else .*git fetch origin berth\/fix/)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { reason: 'completed' } })
  })

  it('a run that waits for a decision can be cancelled; a choice that is not offered is refused', async () => {
    const id = await ada.createAndRun()
    plane.bridge.loseVolumes()
    plane.bridge.cut()
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    await expect(ada.resolve(id, 'merge')).rejects.toMatchObject({
      code: 'validation_failed',
    })
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ run: { reason: 'cancelled' }, needs: null, divergence: null })
  })
})

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

describe('a clone', () => {
  it('is shown as one figure that only grows, over all the phases of git, and not too often', async () => {
    const phases = ['Counting objects', 'Receiving objects', 'Resolving deltas', 'Receiving objects', 'Updating files']
    plane.bridge.client.clone = async function* ({ targetBranch }) {
      for (const phase of phases)
        for (let percent = 0; percent <= 100; percent += 1)
          yield { progress: { phase, percent, line: `${phase}: ${percent}%` } }
      plane.bridge.cloned = true
      yield { result: { head: 'a'.repeat(40), branch: targetBranch, existing: false } }
    }
    const id = await ada.createAndRun()
    const shown = (await plane.events(id)).flatMap(({ data }) => (data.stage === 'clone' ? [data.percent] : []))
    expect(shown).toEqual([undefined, ...shown.slice(1).toSorted((a, b) => Number(a) - Number(b))])
    expect(new Set(shown).size).toBe(shown.length)
    expect(shown.length).toBeGreaterThan(10)
    expect(shown.length).toBeLessThanOrEqual(22)
    expect([shown[1], shown.at(-1)]).toEqual([0, 100])
  })

  it('is shown in the status while it lasts', async () => {
    const { id } = await ada.create()
    const details: unknown[] = []
    plane.bridge.client.clone = async function* ({ targetBranch }) {
      yield { progress: { phase: 'Receiving objects', percent: 50, line: 'Receiving objects: 50% (1/2)' } }
      details.push((await ada.read(id)).statusDetail)
      plane.bridge.cloned = true
      yield { result: { head: 'a'.repeat(40), branch: targetBranch, existing: false } }
    }
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(details).toEqual([{ stage: 'clone', percent: 40, message: 'Receiving objects: 50% (1/2)' }])
  })
})

describe('a setup script', () => {
  it('runs before the first step, its stage is shown', async () => {
    const id = await ada.createAndRun({ setupScript: 'npm ci' })
    expect(plane.bridge.calls.slice(0, 2)).toEqual(['clone acme/widgets main berth/fix', 'setup npm ci'])
    const stages = (await plane.events(id, 'status')).map(({ data }) => data.stage)
    expect(stages).toContain('setup')
  })

  it('streams its output to who watches, as one message, and nothing of it is kept', async () => {
    const { id } = await ada.create({ setupScript: 'npm ci' })
    const deltas: unknown[] = []
    plane.parts.hub.subscribe((message) => {
      if (message.kind === 'delta' && message.agentId === id) deltas.push(message.delta)
    })
    await ada.start(id)
    await plane.untilAtRest(id)
    const messageId = expect.stringMatching(/^evt_/)
    expect(deltas).toEqual([
      { type: 'tool_output_delta', runId: null, data: { messageId, offset: 0, delta: 'setting ' } },
      { type: 'tool_output_delta', runId: null, data: { messageId, offset: 8, delta: 'up\n' } },
    ])
    expect(new Set(deltas.map((delta) => JSON.stringify(delta).match(/evt_\w+/)?.[0])).size).toBe(1)
    expect(JSON.stringify(await plane.events(id))).not.toContain('setting ')
  })

  it('that nobody ends is given up, and named', async () => {
    const { id } = await ada.create({ setupScript: 'sleep infinity' })
    await plane.parts.holdings.acquire(id)
    const agent = await plane.parts.stores.agents.find(id)
    if (agent === null) throw new Error('the agent is gone')
    const time = Promise.withResolvers<void>()
    const setup: BridgeClient['setup'] = async function* (_command, signal) {
      time.resolve()
      await new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    }
    const parts = { ...plane.parts, clock: { ...systemClock, sleep: () => time.promise } }
    const connection = { client: { ...plane.bridge.client, setup } }
    const given = ensureSetup({ parts, agent, connection, signal: new AbortController().signal })
    await expect(given).rejects.toMatchObject({
      code: 'start_failed',
      message: 'The setup took longer than 15 minutes.',
    })
  })

  it('that fails fails the start, with its last lines', async () => {
    plane.bridge.failSetup = {
      code: 'start_failed',
      message: 'The setup script ended with exit code 1.',
      tail: ['boom'],
    }
    const { id } = await ada.create({ setupScript: 'false' })
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'FAILED',
      statusDetail: { stage: 'setup', code: 'start_failed', logTail: ['boom'] },
    })
  })
})

describe('a change of an agent', () => {
  it('keeps what it does not name, and holds for the next run', async () => {
    const id = await ada.createAndRun({ limits: { maxSteps: 3, maxCostUsd: 1 } })
    const changes = { limits: { maxSteps: 40 }, instructions: 'Be brief.' }
    const view = await changeAgent({ ctx: ada.ctx, input: { agentId: id, changes } })
    expect(view).toMatchObject({
      limits: { maxSteps: 40, maxCostUsd: 1 },
      instructions: 'Be brief.',
      name: 'Fix the bug',
    })
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)).toMatchObject({
      limits: { maxSteps: 40 },
      agent: { instructions: 'Be brief.' },
    })
  })

  it("of another person's agent is refused as of none", async () => {
    const { id } = await ada.create()
    const ctx = await plane.as('eve@example.com')
    await expect(changeAgent({ ctx, input: { agentId: id, changes: { name: 'mine' } } })).rejects.toMatchObject({
      code: 'not_found',
    })
  })
})
