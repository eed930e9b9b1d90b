import { describe, expect, it } from 'vitest'
import { judgeInotify } from '../../../../../scripts/doctor/checks/inotify.ts'

describe('judgeInotify', () => {
  it('is content with enough of both, and silent where nothing is told', () => {
    expect(judgeInotify({ watches: 524_288, instances: 1_024 })).toEqual([
      { severity: 'ok', found: '524288 watches and 1024 instances, shared by all sandboxes' },
    ])
    expect(judgeInotify({ watches: null, instances: null })).toEqual([])
  })

  it('gives the command that raises what is low, and lowers nothing', () => {
    expect(judgeInotify({ watches: 1_000_000, instances: 128 })).toEqual([
      {
        severity: 'warning',
        found:
          '1000000 watches and 128 instances, shared by all sandboxes: watchers of several agents use them up (ENOSPC, EMFILE)',
        advice:
          "printf '%s\\n' fs.inotify.max_user_watches=1000000 fs.inotify.max_user_instances=1024 | sudo tee /etc/sysctl.d/60-berth.conf && sudo sysctl --system",
      },
    ])
    expect(judgeInotify({ watches: 8_192, instances: 2_048 })).toEqual([
      expect.objectContaining({
        advice: expect.stringMatching(/max_user_watches=524288 fs\.inotify\.max_user_instances=2048 /),
      }),
    ])
  })
})
