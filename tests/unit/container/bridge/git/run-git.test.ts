import { describe, expect, it } from 'vitest'
import { createGit } from '../../../../../container/bridge/git/run-git.ts'
import { readWorkspaceState } from '../../../../../container/bridge/git/workspace-state.ts'
import type { CommandResult, Workspace } from '../../../../../container/bridge/workspace-port.ts'
import { textWorkspace } from '../../../../support/executor-rig.ts'

const ENDED: CommandResult = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  cancelled: false,
  durationMs: 1,
  output: '',
  truncated: false,
  outputPath: null,
}

function gitThat(result: Partial<CommandResult>) {
  const unused = () => Promise.reject(new Error('not in this test'))
  const workspace: Workspace = {
    stat: unused,
    readFile: unused,
    writeFile: unused,
    list: unused,
    suggest: unused,
    run: async () => ({ ...ENDED, ...result }),
  }
  return createGit({ workspace, proxyUrl: 'http://127.0.0.1:1' })
}

describe('git', () => {
  it('has its own exit codes, which say something of the repository', async () => {
    expect((await gitThat({ exitCode: 1 }).try(['rev-parse', 'HEAD'])).exitCode).toBe(1)
    expect((await gitThat({ exitCode: 128 }).try(['rev-parse', 'HEAD'])).exitCode).toBe(128)
  })

  it.each([
    ['could not be started', { exitCode: 126, output: 'no process is left' }, 'no process is left'],
    ['is not there', { exitCode: 127, output: 'ENOENT' }, 'ENOENT'],
    ['was killed', { exitCode: null, signal: 'SIGKILL' }, 'it ended with SIGKILL'],
  ])('that %s is no lost clone', async (_what, result, words) => {
    await expect(gitThat(result).try(['status'])).rejects.toMatchObject({
      code: 'upstream_failed',
      message: `git status: ${words}`,
    })
    const workspace = { ...textWorkspace(), run: async () => ({ ...ENDED, ...result }) }
    await expect(readWorkspaceState({ git: gitThat(result), workspace })).rejects.toMatchObject({
      code: 'upstream_failed',
    })
  })
})
