import { describe, expect, it } from 'vitest'
import { type AgentEventView, applyActivity } from '../../../../app/model/agent-activity.ts'
import { faceOf } from '../../../../app/model/agent-face.ts'
import { filterAgents, groupAgents, groupOf } from '../../../../app/model/agent-groups.ts'
import type { Divergence } from '../../../../lib/domain/agent.ts'
import { makeAgentView, makeRunView } from '../../../support/agent-view.ts'

describe('groups', () => {
  it('put failed and waiting agents first and the last changed on top', () => {
    const agents = [
      makeAgentView({ id: 'a', status: 'READY', updatedAt: '2026-01-01T00:00:00Z' }),
      makeAgentView({ id: 'b', status: 'READY', updatedAt: '2026-01-02T00:00:00Z' }),
      makeAgentView({ id: 'c', status: 'FAILED' }),
      makeAgentView({ id: 'd', status: 'RUNNING', needs: 'input' }),
      makeAgentView({ id: 'e', status: 'STOPPING' }),
      makeAgentView({ id: 'f', status: 'SLEEPING' }),
    ]
    const ids = groupAgents(agents).map((group) => [group.name, group.agents.map((agent) => agent.id)])
    expect(ids).toEqual([
      ['needs', ['c', 'd']],
      ['underway', ['e']],
      ['ready', ['b', 'a']],
      ['rest', ['f']],
    ])
  })

  it('filter by every word, in name, repository and branches', () => {
    const agents = [
      makeAgentView({ id: 'a', name: 'Cap the sleep', githubRepo: 'urllib3/urllib3' }),
      makeAgentView({ id: 'b', name: 'Cap the cost', githubRepo: 'honojs/hono' }),
    ]
    expect(filterAgents(agents, 'cap URLLIB3').map((agent) => agent.id)).toEqual(['a'])
    expect(filterAgents(agents, '  ')).toHaveLength(2)
  })
})

describe('the face of an agent', () => {
  it('says how the last run of a ready agent ended', () => {
    const completed = makeAgentView({ status: 'READY', run: makeRunView({ reason: 'completed', steps: 11 }) })
    expect(faceOf(completed)).toMatchObject({ glyph: 'ready', word: 'Completed', tail: ' in 11 steps', tone: 'ok' })
    const limited = makeAgentView({ status: 'READY', run: makeRunView({ reason: 'cost_budget' }) })
    expect(faceOf(limited)).toMatchObject({ word: 'Cost limit', tail: ' reached at $5.00', tone: 'warn' })
  })

  it('names the stage of a start and of a failed one', () => {
    const going = makeAgentView({ status: 'STARTING', statusDetail: { stage: 'clone', percent: 62.4 } })
    expect(faceOf(going)).toMatchObject({ word: 'Starting', tail: ': cloning, 62 %' })
    const failed = makeAgentView({ status: 'FAILED', statusDetail: { stage: 'clone' } })
    expect(faceOf(failed)).toMatchObject({ word: 'Failed', tail: ' while cloning' })
    const waiting = { ...failed, run: makeRunView({ status: 'PENDING', reason: null }) }
    expect(faceOf(waiting)).toMatchObject({ word: 'Failed', tail: ': waits for the engine' })
  })

  it('puts a need before the state', () => {
    expect(faceOf(makeAgentView({ status: 'RUNNING', needs: 'input' })).glyph).toBe('waiting')
  })

  it('says what a run waits for, and that it goes on once a person chose', () => {
    const divergence: Divergence = {
      kind: 'workspace_lost',
      message: 'm',
      recorded: 'a',
      found: null,
      choices: ['clone_again'],
      choice: null,
    }
    const run = makeRunView({ status: 'PENDING', reason: null })
    const asked = makeAgentView({ status: 'READY', needs: 'divergence', divergence, run })
    expect(faceOf(asked)).toMatchObject({ glyph: 'waiting', word: 'Needs you', tail: ': its workspace is empty' })
    const chosen = { ...asked, needs: null, divergence: { ...divergence, choice: 'clone_again' as const } }
    expect(faceOf(chosen)).toMatchObject({ glyph: 'starting', word: 'Starting' })
    expect(groupOf(chosen)).toBe('underway')
  })
})

describe('the live line', () => {
  const event = (type: string, data: Record<string, unknown>): AgentEventView => ({
    agentId: 'a',
    seq: 1,
    type,
    runId: 'r',
    createdAt: '',
    data,
  })

  it('follows steps, tools and the last line of what is written, and is empty at the end', () => {
    let lines = applyActivity({}, event('thinking', { step: 3 }))
    expect(lines.a).toMatchObject({ step: 3, line: 'Thinking' })
    lines = applyActivity(lines, event('tool_call', { tool: 'edit_file', input: { path: 'a.ts' } }))
    expect(lines.a).toMatchObject({ step: 3, line: 'Editing a.ts' })
    lines = applyActivity(lines, event('text_delta', { messageId: 'm', offset: 0, delta: 'One.\nTwo' }))
    lines = applyActivity(lines, event('text_delta', { messageId: 'm', offset: 8, delta: ' three' }))
    expect(lines.a?.line).toBe('Two three')
    const words = 'The answer broke off. Attempt 2 follows in 1 s.'
    lines = applyActivity(lines, event('error', { code: 'provider_retry', message: words }))
    expect(lines.a).toMatchObject({
      step: 3,
      line: 'Waits for its model, attempt 2 in 1 s: The answer broke off.',
      writing: null,
    })
    expect(applyActivity(lines, event('done', {})).a).toMatchObject({ line: '', step: null })
  })

  it('is the same object when an event says nothing about it', () => {
    const lines = applyActivity({}, event('thinking', { step: 1 }))
    expect(applyActivity(lines, event('usage', {}))).toBe(lines)
  })
})
