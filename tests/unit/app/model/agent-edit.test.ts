import { describe, expect, it } from 'vitest'
import { type AgentForm, formOf, limitThatEnded, readChanges } from '../../../../app/model/agent-edit.ts'
import { makeAgentView } from '../../../support/agent-view.ts'

const before = formOf(makeAgentView())
const change = (changes: Partial<AgentForm>) => readChanges(before, { ...before, ...changes })

describe('a change of an agent', () => {
  it('sends nothing that was not touched, also where a figure is shown rounded', () => {
    const agent = makeAgentView()
    const odd = formOf({ ...agent, limits: { ...agent.limits, maxDurationMs: 90_400, diskBytes: 1_234_567_890 } })
    expect(readChanges(odd, { ...odd })).toEqual({ body: {}, fields: [] })
    expect(readChanges(odd, { ...odd, maxSteps: '40' }).body).toEqual({ limits: { maxSteps: 40 } })
  })

  it('reads figures with their units, and an emptied limit as none', () => {
    const { body } = change({ maxDurationMs: '1h 30m', diskBytes: '512 MiB', maxCostUsd: '' })
    expect(body).toEqual({ limits: { maxDurationMs: 5_400_000, diskBytes: 512 * 1024 ** 2, maxCostUsd: null } })
  })

  it('names the fields that cannot be read, and leaves the rest to the API', () => {
    const { body, fields } = change({ maxDurationMs: 'a while', diskBytes: 'large', maxSteps: 'many' })
    expect(fields.map(({ path }) => path)).toEqual(['limits.maxDurationMs', 'limits.diskBytes'])
    expect(body).toMatchObject({ limits: { maxSteps: 'many' } })
  })

  it('sends texts that were emptied as none, and hosts as a list', () => {
    const { body } = change({ setupScript: ' ', instructions: 'Be brief.', egressAllow: 'a.example, b.example' })
    expect(body).toEqual({
      setupScript: null,
      instructions: 'Be brief.',
      egress: { allow: ['a.example', 'b.example'] },
    })
  })
})

it('knows the limit that ended a run', () => {
  expect(limitThatEnded('step_limit')).toBe('maxSteps')
  expect(limitThatEnded('disk_limit')).toBe('diskBytes')
  expect(limitThatEnded('completed')).toBeNull()
})
