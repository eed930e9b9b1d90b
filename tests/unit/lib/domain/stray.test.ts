import { describe, expect, it } from 'vitest'
import { agentStatuses } from '../../../../lib/domain/agent.ts'
import { strayReason } from '../../../../lib/domain/stray.ts'

const running = { incarnation: 'inc_1', state: 'running' } as const
const stopped = { incarnation: 'inc_1', state: 'stopped' } as const
const agent = (status: (typeof agentStatuses)[number], incarnation: string | null = 'inc_1') => ({
  status,
  incarnation,
  desired: null,
})

describe('a sandbox on the engine', () => {
  it('is a stray when no row has its agent, running or not', () => {
    expect(strayReason(running, null, false)).toBe('unknown_agent')
    expect(strayReason(stopped, null, false)).toBe('unknown_agent')
  })

  it.each(agentStatuses)('is a stray when its agent, %s, has another or none', (status) => {
    expect(strayReason(running, agent(status, 'inc_2'), false)).toBe('outdated')
    expect(strayReason(stopped, agent(status, null), false)).toBe('outdated')
  })

  it.each(['IDLE', 'SLEEPING', 'FAILED'] as const)('is a stray when it runs while its agent is %s', (status) => {
    expect(strayReason(running, agent(status), false)).toBe('at_rest')
    expect(strayReason(stopped, agent(status), false)).toBeNull()
  })

  it.each(['STARTING', 'RUNNING', 'READY', 'STOPPING'] as const)('is none while its agent is %s', (status) => {
    expect(strayReason(running, agent(status), false)).toBeNull()
    expect(strayReason(stopped, agent(status), false)).toBeNull()
  })

  it('is none while a run of its agent waits for the engine', () => {
    expect(strayReason(running, agent('FAILED'), true)).toBeNull()
  })

  it('is none while a wish of its agent is still to be done', () => {
    expect(strayReason(running, { ...agent('FAILED'), desired: 'purged' }, false)).toBeNull()
  })
})
