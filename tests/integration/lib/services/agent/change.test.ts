/** An agent that is changed: what holds for its next run, and whose agents a person may change. */
import { describe, expect, it } from 'vitest'
import { changeAgent } from '../../../../../lib/services/agent/change.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

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
