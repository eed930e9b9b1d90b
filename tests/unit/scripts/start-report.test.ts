import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../lib/config.ts'
import { BerthError } from '../../../lib/errors.ts'
import { describeGaps } from '../../../scripts/start-report.ts'

const settings = (more: Record<string, string> = {}) => readSettings({ NODE_ENV: 'test', ...more }, '/project')

describe('describeGaps', () => {
  it('names nothing when nothing is missing', () => {
    const all = settings({ OPENROUTER_API_KEY: 'k', GITHUB_TOKEN: 't' })
    expect(describeGaps({ settings: all, imageProblem: null })).toEqual([])
  })

  it('gives the line that would configure each thing that is missing', () => {
    const imageProblem = new BerthError('engine_unreachable', 'No engine answers.', { hint: 'Start it: sudo dockerd' })
    expect(describeGaps({ settings: settings(), imageProblem })).toEqual([
      'Containers: No engine answers. Start it: sudo dockerd',
      "Model key: agents cannot call a model. Set one and start again: echo 'OPENROUTER_API_KEY=<your key>' >> .env",
      "GitHub token: only public repositories can be read, and nothing pushed. Set one and start again: echo 'GITHUB_TOKEN=<your token>' >> .env",
    ])
  })
})
