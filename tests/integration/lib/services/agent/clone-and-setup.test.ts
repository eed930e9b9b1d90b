/** What comes before the first step: how the clone and the setup script are shown, and what a script that does not end well is. */
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../../../lib/clock.ts'
import type { BridgeClient } from '../../../../../lib/drivers/bridge/port.ts'
import { ensureSetup } from '../../../../../lib/services/agent/begin-run.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

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
