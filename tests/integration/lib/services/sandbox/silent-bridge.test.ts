/** A bridge that names events it never sends: nothing waits for them without an end. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../../../lib/clock.ts'
import { createAgent } from '../../../../../lib/services/agent/create.ts'
import { cancelRun } from '../../../../../lib/services/agent/end.ts'
import { resumeAgent, startAgent } from '../../../../../lib/services/agent/instruct.ts'
import { getAgent } from '../../../../../lib/services/agent/list.ts'
import { type ControlPlane, startControlPlane } from '../../../../support/control-plane.ts'

let plane: ControlPlane
let id: string

beforeEach(async () => {
  // A minute of patience in a third of a second.
  const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 200, signal) }
  plane = await startControlPlane({}, {}, { clock })
  plane.bridge.onExecute = () => {}
  const input = { task: 'Fix the bug', githubRepo: 'acme/widgets', targetBranch: 'berth/fix' }
  id = (await createAgent({ ctx: plane.ctx, input })).id
  await startAgent({ ctx: plane.ctx, input: { agentId: id } })
  await plane.until(id, (event) => event.type === 'run_started')
})
afterEach(() => plane.close())

const read = () => getAgent({ ctx: plane.ctx, input: { agentId: id } })

/** From now on the bridge says that it has a thousand events more than it sends. */
function boast() {
  const { client } = plane.bridge
  const { health } = client
  const boasting = async () => {
    const now = await health()
    return { ...now, lastN: now.lastN + 1_000 }
  }
  Object.assign(client, { health: boasting, waitUntilReady: boasting })
  return () => Object.assign(client, { health, waitUntilReady: health })
}

describe('a cancel', () => {
  it('that the bridge answers, but does not finish, acts: the container goes, the agent can be resumed', async () => {
    const before = await plane.driver.list({ installationId: 'ins_test', agentId: id })
    const honest = boast()
    plane.bridge.client.cancel = async () => ({ ended: true })
    await cancelRun({ ctx: plane.ctx, input: { agentId: id } })
    await plane.untilAtRest(id)
    expect(await read()).toMatchObject({ run: { status: 'ENDED', reason: 'cancelled' } })
    const after = await plane.driver.list({ installationId: 'ins_test', agentId: id })
    expect(after.map(({ incarnation }) => incarnation)).not.toContain(before[0]?.incarnation)

    honest()
    plane.bridge.crash()
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await resumeAgent({ ctx: plane.ctx, input: { agentId: id, newTask: 'Go on' } })
    await plane.untilAtRest(id)
    expect(await read()).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
  })
})
