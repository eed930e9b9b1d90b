import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../lib/config.ts'
import { BerthError } from '../../../lib/errors.ts'
import { describeGaps, describeIsolation } from '../../../scripts/start-report.ts'

const settings = (more: Record<string, string> = {}) => readSettings({ NODE_ENV: 'test', ...more }, '/project')

describe('describeGaps', () => {
  it('names nothing when nothing is missing', () => {
    const all = settings({ OPENROUTER_API_KEY: 'k', GITHUB_TOKEN: 't' })
    expect(describeGaps({ settings: all, imageProblem: null })).toEqual([])
  })

  it('gives the line that would configure each thing that is missing', () => {
    const imageProblem = new BerthError('engine_unreachable', 'No engine answers.', { hint: 'Start it: sudo dockerd' })
    expect(describeGaps({ settings: settings(), imageProblem })).toEqual([
      'Sandboxes: No engine answers. Start it: sudo dockerd',
      "Model key: agents cannot call a model. Set one and start again: echo 'OPENROUTER_API_KEY=<your key>' >> .env",
      "GitHub token: only public repositories can be read, and nothing pushed. Set one and start again: echo 'GITHUB_TOKEN=<your token>' >> .env",
    ])
  })
})

describe('describeIsolation', () => {
  it('says nothing of sandboxes that are isolated', () => {
    expect(describeIsolation({ isolated: true, uid: 0 })).toEqual([])
  })

  it('says loudly, of those that are not, as whom agents run and how to have containers', () => {
    const words = describeIsolation({ isolated: false, uid: 1000 }).join('\n')
    expect(words).toContain('NOT ISOLATED: agents run as ordinary processes of this machine, as you')
    expect(words).toContain('BERTH_SANDBOX')
    expect(words).toContain('BERTH_DATA_DIR')
    expect(describeIsolation({ isolated: false, uid: 0 })[0]).toContain('as root')
  })
})
