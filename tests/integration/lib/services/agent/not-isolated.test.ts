/** An installation whose driver does not isolate says so wherever its agents are shown. */
import { expect, it } from 'vitest'
import { listAgents } from '../../../../../lib/services/agent/list.ts'
import { readHealth } from '../../../../../lib/services/health/read.ts'
import { openPullRequestForRun } from '../../../../../lib/services/pull-request/open.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes({}, { isolated: false })

const NOTE = '**Not isolated:** the agent had no container.'

it('an agent is shown as not isolated before it has had a sandbox, and while it has one', async () => {
  const agent = await ada.create()
  expect(agent.isolated).toBe(false)
  await ada.start(agent.id)
  await plane.untilAtRest(agent.id)
  expect(await ada.read(agent.id)).toMatchObject({ isolated: false })
  expect((await listAgents({ ctx: ada.ctx, input: { limit: 10 } })).items).toMatchObject([{ isolated: false }])
  expect(await readHealth(plane.parts)).toMatchObject({ driver: 'process', isolated: false })
})

it('a pull request says it, also one that the agent wrote itself', async () => {
  const id = await ada.createRunning()
  const runId = plane.bridge.commands[0]?.runId ?? ''
  const request = { title: 'By itself', body: 'Words of the agent.' }
  await openPullRequestForRun(plane.parts, { agentId: id, runId, request })
  expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([expect.stringContaining(NOTE)])
  plane.bridge.end('completed', 'Done.')
  await plane.untilAtRest(id)
  expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([expect.stringContaining(NOTE)])
})
