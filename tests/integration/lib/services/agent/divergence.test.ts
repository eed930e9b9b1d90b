/** What a run finds otherwise than recorded: a person is asked once, and the run is told; what is nobody else's is no question. */
import { describe, expect, it } from 'vitest'
import { recordPush } from '../../../../../lib/services/push/broker-access.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

describe('before a run', () => {
  it('a workspace as it was left is gone on from without asking', async () => {
    const id = await ada.createAndRun()
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })

  it('a workspace that was lost is never replaced in silence', async () => {
    const id = await ada.createAndRun()
    await ada.stop(id)
    await plane.untilAtRest(id)
    plane.bridge.loseVolumes()
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      needs: 'divergence',
      divergence: { kind: 'workspace_lost', choices: ['clone_again'], choice: null },
      run: { status: 'PENDING' },
    })
    expect(plane.bridge.cloned).toBe(false)
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, divergence: null, run: { reason: 'completed' } })
    expect(plane.bridge.commands.at(-1)?.notice).toContain('The workspace was lost')
  })

  it('a workspace that was emptied under a waiting container is cloned again when that is chosen', async () => {
    const id = await ada.createAndRun()
    plane.bridge.cloned = false
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'workspace_lost' } })
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    expect(plane.bridge.cloned).toBe(true)
    expect(await ada.read(id)).toMatchObject({ needs: null, divergence: null, run: { reason: 'completed' } })
  })

  it.each([
    ['HEAD is bbbbbbbbbbbb, it was cccccccccccc', { head: 'b'.repeat(40) }],
    ['HEAD is on main, it was on work', { branch: 'main' }],
    ['files were changed', { digest: 'e'.repeat(64) }],
  ])('it is asked what to do when %s from outside', async (words, change) => {
    const id = await ada.createAndRun()
    Object.assign(plane.bridge.workspace, change)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'workspace_changed', message: `The workspace is not as the last run left it: ${words}.` },
    })
    await ada.resolve(id, 'keep')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.notice).toContain('changed by somebody else')
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { reason: 'completed' } })
  })

  it('what Berth itself committed for a pull request is no change from outside', async () => {
    const id = await ada.createRunning()
    await ada.cancel(id)
    await plane.untilAtRest(id)
    const { pullRequest } = await ada.openPullRequest(id)
    expect(pullRequest).toMatchObject({ action: 'opened' })
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.until(id, ({ type, data }) => type === 'done' && data.reason === 'completed')
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })

  it('a workspace that takes long to look at keeps no stop waiting', async () => {
    const id = await ada.createAndRun()
    const asked = Promise.withResolvers<void>()
    plane.bridge.client.workspaceState = (signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
        asked.resolve()
      })
    await ada.resume(id, 'Go on')
    await asked.promise
    await ada.stop(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'IDLE', run: { reason: 'cancelled' } })
  })

  it('commits of a person on the target branch are shown, and the agent is told to merge them', async () => {
    const id = await ada.createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: '0'.repeat(40), newSha: '1'.repeat(40), outcome: 'ok' as const }
    await recordPush(plane.parts, id, push)
    plane.forge.branches.set('berth/fix', { sha: '2'.repeat(40), protected: false })
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'branch_moved', recorded: '1'.repeat(40), found: '2'.repeat(40), choices: ['merge', 'keep'] },
    })
    await ada.resolve(id, 'merge')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.notice).toContain('git fetch origin berth/fix')
    // The broker's to find out: a push that does not build on them would drop them.
    expect((await plane.parts.stores.agents.find(id))?.targetTip).toBe('1'.repeat(40))
  })

  it('a branch that moved and a workspace that was changed are one question, and the agent is told of both', async () => {
    const id = await ada.createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: '0'.repeat(40), newSha: '1'.repeat(40), outcome: 'ok' as const }
    await recordPush(plane.parts, id, push)
    plane.forge.branches.set('berth/fix', { sha: '2'.repeat(40), protected: false })
    plane.bridge.workspace.digest = 'e'.repeat(64)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    const message =
      'berth/fix has commits on the remote that are not from this agent: it is at 222222222222, the agent left it at 111111111111. The workspace is not as the last run left it: files were changed.'
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'branch_moved', message } })
    await ada.resolve(id, 'merge')
    await plane.untilAtRest(id)
    expect(plane.bridge.commands.at(-1)?.notice).toMatch(/changed by somebody else .*git fetch origin berth\/fix/)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { reason: 'completed' } })
  })

  it('a run that waits for a decision can be cancelled; a choice that is not offered is refused', async () => {
    const id = await ada.createAndRun()
    plane.bridge.loseVolumes()
    plane.bridge.cut()
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    await expect(ada.resolve(id, 'merge')).rejects.toMatchObject({
      code: 'validation_failed',
    })
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ run: { reason: 'cancelled' }, needs: null, divergence: null })
  })
})
