/** What becomes of an agent that left its workspace without a commit at HEAD: on a new branch, or without its repository. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAgent } from '../../../../../lib/services/agent/create.ts'
import { cancelRun } from '../../../../../lib/services/agent/end.ts'
import { resumeAgent, startAgent } from '../../../../../lib/services/agent/instruct.ts'
import { getAgent } from '../../../../../lib/services/agent/list.ts'
import { type ControlPlane, startControlPlane } from '../../../../support/control-plane.ts'

let plane: ControlPlane

beforeEach(async () => {
  plane = await startControlPlane()
})

afterEach(async () => {
  await plane.close()
})

const read = (agentId: string) => getAgent({ ctx: plane.ctx, input: { agentId } })
const settle = (agentId: string) => plane.parts.supervisor.settle(agentId)

/** An agent whose first run was cancelled, and that left its workspace so. */
async function createCancelled(left: () => void) {
  plane.bridge.onExecute = () => {}
  const input = { task: 'Fix the bug', githubRepo: 'acme/widgets', targetBranch: 'berth/fix' }
  const { id } = await createAgent({ ctx: plane.ctx, input })
  await startAgent({ ctx: plane.ctx, input: { agentId: id } })
  await plane.until(id, ({ type }) => type === 'run_started')
  await settle(id)
  left()
  await cancelRun({ ctx: plane.ctx, input: { agentId: id } })
  await plane.untilAtRest(id)
  plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
  return id
}

async function resume(agentId: string) {
  await resumeAgent({ ctx: plane.ctx, input: { agentId, newTask: 'Go on' } })
  await settle(agentId)
}

describe('a new branch without a commit', () => {
  const orphaned = { head: null, branch: 'fresh', digest: 'e'.repeat(64) }

  it('that a cancelled run left is gone on from without asking', async () => {
    const id = await createCancelled(() => Object.assign(plane.bridge.workspace, orphaned))
    expect((await plane.parts.stores.agents.find(id))?.workspace).toMatchObject({ cloned: true, ...orphaned })
    await resume(id)
    await plane.untilAtRest(id)
    expect(await read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
    expect(plane.bridge.calls.filter((call) => call.startsWith('clone'))).toHaveLength(1)
  })

  it.each([
    ['HEAD is on fresh, which has no commit, it was aaaaaaaaaaaa', {}, orphaned],
    ['HEAD is bbbbbbbbbbbb, it was on fresh, which has no commit', orphaned, { head: 'b'.repeat(40) }],
  ])('is a change from outside when %s', async (words, left, found) => {
    const id = await createCancelled(() => Object.assign(plane.bridge.workspace, left))
    Object.assign(plane.bridge.workspace, found)
    await resume(id)
    expect(await read(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'workspace_changed', message: `The workspace is not as the last run left it: ${words}.` },
    })
  })
})
