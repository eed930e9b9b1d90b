/** An installation whose driver does not isolate says so wherever its agents are shown. */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createAgent } from '../../../../../lib/services/agent/create.ts'
import { startAgent } from '../../../../../lib/services/agent/instruct.ts'
import { getAgent, listAgents } from '../../../../../lib/services/agent/list.ts'
import { readHealth } from '../../../../../lib/services/health/read.ts'
import { openPullRequestForRun } from '../../../../../lib/services/pull-request/open.ts'
import { type ControlPlane, startControlPlane } from '../../../../support/control-plane.ts'

let plane: ControlPlane
beforeEach(async () => {
  plane = await startControlPlane({}, { isolated: false })
})
afterEach(() => plane.close())

const NOTE = '**Not isolated:** the agent had no container.'
const create = () =>
  createAgent({ ctx: plane.ctx, input: { task: 'Fix the bug', githubRepo: 'acme/widgets', targetBranch: 'berth/fix' } })

it('an agent is shown as not isolated before it has had a sandbox, and while it has one', async () => {
  const agent = await create()
  expect(agent.isolated).toBe(false)
  await startAgent({ ctx: plane.ctx, input: { agentId: agent.id } })
  await plane.untilAtRest(agent.id)
  expect(await getAgent({ ctx: plane.ctx, input: { agentId: agent.id } })).toMatchObject({ isolated: false })
  expect((await listAgents({ ctx: plane.ctx, input: { limit: 10 } })).items).toMatchObject([{ isolated: false }])
  expect(await readHealth(plane.parts)).toMatchObject({ driver: 'process', isolated: false })
})

it('a pull request says it, also one that the agent wrote itself', async () => {
  const agent = await create()
  plane.bridge.onExecute = () => {}
  await startAgent({ ctx: plane.ctx, input: { agentId: agent.id } })
  await plane.until(agent.id, (event) => event.type === 'run_started')
  const runId = plane.bridge.commands[0]?.runId ?? ''
  const request = { title: 'By itself', body: 'Words of the agent.' }
  await openPullRequestForRun(plane.parts, { agentId: agent.id, runId, request })
  expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([expect.stringContaining(NOTE)])
  plane.bridge.end('completed', 'Done.')
  await plane.untilAtRest(agent.id)
  expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([expect.stringContaining(NOTE)])
})
