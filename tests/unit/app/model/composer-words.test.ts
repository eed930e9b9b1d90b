import { expect, it } from 'vitest'
import { composerWords } from '../../../../app/model/composer-words.ts'
import { possibleIn } from '../../../../app/model/live-agent.ts'
import { makeAgentView, makeRunView } from '../../../support/agent-view.ts'

it('speaks of work only where there is some', () => {
  const placeholder = (changes: Parameters<typeof makeAgentView>[0]) => {
    const agent = makeAgentView(changes)
    return composerWords(agent, possibleIn(agent), 0).placeholder
  }
  const running = makeRunView({ status: 'RUNNING', reason: null })
  const pending = makeRunView({ status: 'PENDING', reason: null, startedAt: null })
  expect(placeholder({ status: 'RUNNING', run: running })).toBe('Say something to it while it works')
  expect(placeholder({ status: 'FAILED', run: pending })).toBe('Say more to it before it begins')
  expect(placeholder({ status: 'FAILED', run: makeRunView() })).toBe('Or give it another instruction')
})
