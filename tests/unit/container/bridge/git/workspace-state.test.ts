import { describe, expect, it } from 'vitest'
import { createGitWorkspace } from '../../../../../container/bridge/git/git-workspace.ts'
import type { Workspace } from '../../../../../container/bridge/workspace-port.ts'
import { systemClock } from '../../../../../lib/clock.ts'
import { textWorkspace } from '../../../../support/executor-rig.ts'

const HEAD = 'a'.repeat(40)
const RESULT = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  cancelled: false,
  durationMs: 1,
  output: '',
  truncated: false,
  outputPath: null,
}

/** Git answers at once what it reads from `.git` alone; what has to look at every file takes longer than it may. */
function largeRepository(): Workspace {
  const output = `${HEAD}\nrefs/heads/berth/fix\n`
  const run = async () => ({ ...RESULT, exitCode: null, signal: 'SIGTERM', timedOut: true, output })
  return { ...textWorkspace(), run }
}

describe('the state of a workspace that is too large to be looked through in time', () => {
  it('has the commit and the branch, and no digest to compare', async () => {
    const git = createGitWorkspace({
      workspace: largeRepository(),
      tunnelFetch: fetch,
      proxyUrl: 'http://127.0.0.1:3128',
      clock: systemClock,
    })
    expect(await git.state()).toMatchObject({ cloned: true, head: HEAD, branch: 'berth/fix', digest: null })
  })
})
