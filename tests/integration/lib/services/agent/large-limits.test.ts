/** An agent that is older than the bounds of its limits: its runs are logged all the same. */
import { expect, it } from 'vitest'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { makeNewAgent } from '../../../../support/new-agent.ts'

startFreshControlPlanes()

it('limits beyond what the log counts are sent as the most that it does', async () => {
  plane.bridge.onExecute = ({ limits: { maxSteps, maxTokens } }) => {
    plane.bridge.say('thinking', { step: 1, maxSteps, tokensUsed: 0, maxTokens })
    plane.bridge.end('completed', 'Done.')
  }
  const agent = makeNewAgent({ id: 'agt_old', ownerId: plane.ctx.actor.userId })
  const limits = { ...agent.limits, maxSteps: 3_000_000_000, maxTokens: 9_000_000_000 }
  const { id } = await plane.parts.stores.agents.create({ ...agent, limits })
  await ada.start(id)
  await plane.untilAtRest(id)
  const events = await plane.parts.stores.events.listAfter({ agentId: id, after: 0, limit: 100 })
  expect(events.filter(({ type }) => type === 'error')).toEqual([])
  expect(events.find(({ type }) => type === 'thinking')?.data).toMatchObject({
    maxSteps: 2_147_483_647,
    maxTokens: 2_147_483_647,
  })
})
