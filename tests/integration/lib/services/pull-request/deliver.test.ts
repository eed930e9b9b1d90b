/** The work of a run as a pull request: by itself, when a person asks, and when it cannot be. */
import { describe, expect, it } from 'vitest'
import { BerthError } from '../../../../../lib/errors.ts'
import { recordPush } from '../../../../../lib/services/push/broker-access.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

describe('a pull request', () => {
  it('that is refused says why in the log, and the agent waits', async () => {
    plane.bridge.refusePush = 'fetch and merge first'
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', pullRequest: null })
    const [skipped] = await plane.events(id, 'pull_request')
    expect(skipped?.data).toMatchObject({ action: 'skipped', reason: 'The push was refused: fetch and merge first' })
  })

  it('is skipped when nothing changed', async () => {
    plane.bridge.changes = { ahead: 0, additions: 0, deletions: 0 }
    const id = await ada.createAndRun()
    const [skipped] = await plane.events(id, 'pull_request')
    expect(skipped?.data).toMatchObject({ action: 'skipped', reason: 'The run changed nothing.' })
    expect(plane.bridge.calls).not.toContain('push berth/fix')
  })

  it('shows the last commands of a long run, however many pages of the log they are', async () => {
    plane.bridge.onExecute = () => {
      for (let index = 1; index <= 150; index += 1) {
        const call = { step: 1, toolCallId: `call_${index}`, tool: 'run_command' }
        plane.bridge.say('tool_call', { ...call, input: { command: `make ${index}` } })
        const detail = { exitCode: index % 3, signal: null, timedOut: false }
        plane.bridge.say('tool_result', { ...call, outcome: 'ok', output: 'done', durationMs: 1, detail })
      }
      plane.bridge.end('completed', 'Done.')
    }
    await ada.createAndRun()
    const { body = '' } = plane.forge.pullRequests[0] ?? {}
    const rows = body.split('\n').filter((line) => line.startsWith('| ` make'))
    expect(rows).toEqual(
      Array.from({ length: 20 }, (_, index) => `| \` make ${131 + index} \` | ${(131 + index) % 3} |`),
    )
    expect(body).toContain('130 earlier commands are in the log.')
  })

  it('keeps its words when a later run only answers, and gets new ones when a run pushed', async () => {
    const id = await ada.createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: 'b'.repeat(40), newSha: 'c'.repeat(40), outcome: 'ok' } as const
    await recordPush(plane.parts, id, push)
    const [before] = plane.forge.pullRequests.map(({ body }) => body)
    await ada.say(id, 'Why did you do that?')
    await plane.untilAtRest(id)
    expect((await plane.events(id, 'pull_request')).at(-1)?.data).toEqual({
      action: 'skipped',
      reason: 'The run changed nothing.',
    })
    expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([before])
    plane.bridge.onExecute = () => {
      void recordPush(plane.parts, id, push).then(() => plane.bridge.end('completed', 'Pushed by itself.'))
    }
    await ada.say(id, 'Open it yourself')
    await plane.untilAtRest(id)
    expect(plane.forge.pullRequests.map(({ body }) => body)).toEqual([expect.stringContaining('Pushed by itself.')])
  })

  it('can be asked for, again and again, and there is one', async () => {
    const id = await ada.createAndRun()
    const first = await ada.openPullRequest(id)
    const second = await ada.openPullRequest(id)
    expect([first.pullRequest, second.pullRequest]).toMatchObject([{ action: 'updated' }, { action: 'updated' }])
    expect(plane.forge.pullRequests).toHaveLength(1)
  })

  it('tells of its commit, though its answer was lost, and once, however often it is named', async () => {
    const { commit } = plane.bridge.client
    plane.bridge.client.commit = async (...command) => {
      plane.bridge.client.commit = commit
      await commit(...command)
      throw new BerthError('sandbox_lost', 'The connection broke.')
    }
    const id = await ada.createAndRun()
    await ada.openPullRequest(id)
    expect(plane.bridge.calls.filter((call) => call.startsWith('commit'))).toHaveLength(3)
    expect((await plane.events(id, 'commit')).map(({ data }) => data.sha)).toEqual(['c'.repeat(40)])
  })

  const failCommit = (change: () => void) => {
    const { commit } = plane.bridge.client
    plane.bridge.client.commit = async () => {
      plane.bridge.client.commit = commit
      change()
      throw new BerthError('upstream_failed', 'git add: it failed.')
    }
  }

  it('that fails half-way leaves nothing that the next run would ask about', async () => {
    const id = await ada.createAndRun({ autoPullRequest: false })
    failCommit(() => {
      plane.bridge.workspace.branch = 'berth/fix'
    })
    expect((await ada.openPullRequest(id)).pullRequest).toMatchObject({ action: 'skipped' })
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })

  it('that fails hides no change that somebody else had made', async () => {
    const id = await ada.createAndRun({ autoPullRequest: false })
    plane.bridge.workspace.digest = 'e'.repeat(64)
    failCommit(() => {})
    expect((await ada.openPullRequest(id)).pullRequest).toMatchObject({ action: 'skipped' })
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'workspace_changed' } })
  })

  it('whose workspace nobody can look at is skipped with its reason, and the agent stays', async () => {
    const id = await ada.createAndRun({ autoPullRequest: false })
    failCommit(() => {
      plane.bridge.client.workspaceState = async () => {
        throw new BerthError('sandbox_lost', 'The runner is gone.')
      }
    })
    expect((await ada.openPullRequest(id)).pullRequest).toMatchObject({ reason: 'git add: it failed.' })
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY' })
  })

  it('wakes the sandbox when it must', async () => {
    const id = await ada.createAndRun()
    await ada.stop(id)
    await plane.untilAtRest(id)
    const { agent, pullRequest } = await ada.openPullRequest(id)
    expect(pullRequest.action).toBe('updated')
    expect(agent.status).toBe('READY')
  })
})

describe('a delivery whose sandbox is lost', () => {
  const loseCommitting = (times: number) => {
    const { commit } = plane.bridge.client
    let left = times
    plane.bridge.client.commit = async (...command) => {
      left -= 1
      if (left >= 0) throw new BerthError('sandbox_lost', 'The bridge went away.')
      return await commit(...command)
    }
  }

  it('is done from a new container, once', async () => {
    // The second time on a new connection, which shows that it is the sandbox that is lost.
    loseCommitting(2)
    const id = await ada.createAndRun()
    expect(await ada.read(id)).toMatchObject({ status: 'READY', pullRequest: { number: 1 } })
    expect(await plane.events(id, 'pull_request')).toHaveLength(1)
    expect(await plane.containers(id)).toMatchObject([{ engineId: 'fake-2' }])
  })

  it('a second time is skipped with its reason, and can be asked for', async () => {
    loseCommitting(3)
    const id = await ada.createAndRun()
    const skipped = { action: 'skipped', code: 'sandbox_lost', reason: 'The bridge went away.' }
    expect((await plane.events(id, 'pull_request')).at(-1)?.data).toEqual(skipped)
    const { pullRequest } = await ada.openPullRequest(id)
    expect(pullRequest).toMatchObject({ action: 'opened', number: 1 })
  })
})
