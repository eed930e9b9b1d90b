import { describe, expect, it } from 'vitest'
import { BerthError } from '../../../lib/errors.ts'
import { describeFailure } from '../../../scripts/run-interruptibly.ts'

const unreachable = new BerthError('engine_unreachable', 'No engine answers.', { hint: 'Start it: sudo dockerd' })

describe('the words of a script that failed', () => {
  it('say what to do next', () => {
    expect(describeFailure(unreachable)).toBe('No engine answers. Start it: sudo dockerd')
  })

  it('begin with what failed first, when cleaning up failed after it', async () => {
    const work = async () => {
      await using started = new AsyncDisposableStack()
      started.defer(() => Promise.reject(new Error('The folder is not empty.')))
      started.defer(() => Promise.reject(new Error('The list of containers cannot be read.')))
      throw unreachable
    }
    const error = await work().catch((reason: unknown) => reason)
    expect(describeFailure(error)).toBe(
      [
        'No engine answers. Start it: sudo dockerd',
        'Cleaning up failed too: The list of containers cannot be read.',
        'Cleaning up failed too: The folder is not empty.',
      ].join('\n'),
    )
  })
})
