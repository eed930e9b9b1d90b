import { expect, it } from 'vitest'
import { type HealthView, showHealth } from '../../../../../lib/services/health/read.ts'

const stray: HealthView['strays'][number] = {
  agentId: 'agt_1',
  incarnation: 'inc_1',
  engineId: 'abc',
  state: 'stopped',
  reason: 'at_rest',
  message: 'It ran.',
  hint: 'Look at it.',
}
const health: HealthView = {
  status: 'ok',
  database: { reachable: true },
  engine: { reachable: true, description: 'Fake 1.0', version: '1.0' },
  driver: 'docker',
  isolated: true,
  modelKey: true,
  githubToken: false,
  strays: [stray],
}

it('is shown whole to the owner, without other people’s agents to a member, and as a word to anybody else', () => {
  expect(showHealth(health, { role: 'owner' })).toEqual(health)
  expect(showHealth(health, { role: 'member' })).toEqual({ ...health, strays: [] })
  expect(showHealth(health, null)).toEqual({ status: 'ok' })
})
