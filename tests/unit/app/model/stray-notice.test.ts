import { expect, it } from 'vitest'
import { describeStrays } from '../../../../app/model/stray-notice.ts'
import type { HealthView } from '../../../../lib/services/health/read.ts'

type Strays = HealthView['strays']

const stray = (changes: Partial<Strays[number]> = {}): Strays[number] => ({
  agentId: 'agt_1',
  incarnation: 'inc_1',
  engineId: '4c01db0b339c5a1f8e3e2f2b',
  state: 'stopped',
  reason: 'unknown_agent',
  message: 'Its agent is not in this database.',
  hint: 'It can be removed by hand.',
  ...changes,
})

it('says nothing where there is none', () => {
  expect(describeStrays({ driver: 'docker', strays: [] }, [])).toBeNull()
})

it('says of one why it is there, what can be done and how its log is read', () => {
  expect(describeStrays({ driver: 'docker', strays: [stray()] }, [])).toEqual({
    title: 'No agent accounts for a sandbox.',
    lines: [
      {
        key: '4c01db0b339c5a1f8e3e2f2b',
        name: 'agt_1',
        agentId: null,
        why: 'Its agent is not in this database.',
        command: 'docker logs 4c01db0b339c',
      },
    ],
    hints: ['It can be removed by hand.'],
  })
})

it('names an agent that is known, counts them, and says once what holds of each', () => {
  const strays = [stray(), stray({ agentId: 'agt_2', engineId: 'e2', reason: 'at_rest', message: 'It was started.' })]
  const notice = describeStrays({ driver: 'docker', strays }, [{ id: 'agt_2', name: 'Cap the sleep' }])
  expect(notice?.title).toBe('No agent accounts for 2 sandboxes.')
  expect(notice?.lines).toMatchObject([
    { name: 'agt_1', agentId: null },
    { name: 'Cap the sleep', agentId: 'agt_2' },
  ])
  expect(notice?.hints).toEqual(['Of each: it can be removed by hand.'])
})

it('has no command where sandboxes are no containers', () => {
  expect(describeStrays({ driver: 'process', strays: [stray()] }, [])?.lines[0]?.command).toBeNull()
})
