/** What becomes of an agent that left its workspace without a commit at HEAD: on a new branch, or without its repository. */
import { describe, expect, it } from 'vitest'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

/** An agent whose first run was cancelled, and that left its workspace so. */
async function createCancelled(left: () => void) {
  const id = await ada.createRunning()
  left()
  await ada.cancel(id)
  await plane.untilAtRest(id)
  plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
  return id
}

async function resume(agentId: string) {
  await ada.resume(agentId, 'Go on')
  await plane.settle(agentId)
}

describe('a new branch without a commit', () => {
  const orphaned = { head: null, branch: 'fresh', digest: 'e'.repeat(64) }

  it('that a cancelled run left is gone on from without asking', async () => {
    const id = await createCancelled(() => Object.assign(plane.bridge.workspace, orphaned))
    expect((await plane.parts.stores.agents.find(id))?.workspace).toMatchObject({ cloned: true, ...orphaned })
    await resume(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
    expect(plane.bridge.calls.filter((call) => call.startsWith('clone'))).toHaveLength(1)
  })

  it.each([
    ['HEAD is on fresh, which has no commit, it was aaaaaaaaaaaa', {}, orphaned],
    ['HEAD is bbbbbbbbbbbb, it was on fresh, which has no commit', orphaned, { head: 'b'.repeat(40) }],
  ])('is a change from outside when %s', async (words, left, found) => {
    const id = await createCancelled(() => Object.assign(plane.bridge.workspace, left))
    Object.assign(plane.bridge.workspace, found)
    await resume(id)
    expect(await ada.read(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'workspace_changed', message: `The workspace is not as the last run left it: ${words}.` },
    })
  })
})

describe('files without a repository that works', () => {
  const removed = () => Object.assign(plane.bridge, { cloned: false, files: true })
  const cloneAgain = async (agentId: string) => {
    await ada.resolve(agentId, 'clone_again')
    await plane.settle(agentId)
  }
  const clones = () => plane.bridge.calls.filter((call) => call.startsWith('clone'))
  const messages = async (agentId: string) => (await plane.events(agentId, 'status')).map(({ data }) => data.message)

  it('are not called an empty workspace, and are moved aside for the clone that is chosen', async () => {
    const id = await createCancelled(removed)
    await resume(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      needs: 'divergence',
      divergence: {
        kind: 'workspace_broken',
        message:
          'The files of the agent are in its workspace, but no clone that git can go on from: the repository was removed, replaced or damaged.',
        choices: ['clone_again'],
      },
    })
    expect(clones()).toHaveLength(1)
    await cloneAgain(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, divergence: null, run: { reason: 'completed' } })
    const { notice } = plane.bridge.commands.at(-1) ?? {}
    expect(notice).toContain('moved to `.berth-before-<time>/files` in the workspace')
    expect(notice).toContain('Do not clean it away')
    expect(await messages(id)).toContain(
      'What was in the workspace before lies there in .berth-before-20260101T000000Z.',
    )
  })

  it('are asked about again when the clone beside them failed', async () => {
    const id = await createCancelled(removed)
    await resume(id)
    plane.bridge.failClone = { code: 'upstream_failed', message: 'The git host did not answer.' }
    await cloneAgain(id)
    expect(await ada.read(id)).toMatchObject({ status: 'FAILED', divergence: null, run: { reason: 'failed' } })
    plane.bridge.failClone = null
    await resume(id)
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'workspace_broken' } })
    await cloneAgain(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { reason: 'completed' } })
  })

  it('that a lost container leaves under its run end the run, and are asked about before the next one', async () => {
    const id = await ada.createRunning()
    removed()
    plane.bridge.crash()
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ run: { reason: 'sandbox_lost' } })
    expect(clones()).toHaveLength(1)
    await resume(id)
    expect(await ada.read(id)).toMatchObject({ needs: 'divergence', divergence: { kind: 'workspace_broken' } })
  })

  it('are in the way of the first clone of a new agent', async () => {
    plane.bridge.files = true
    const { id } = await ada.create()
    await ada.start(id)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ status: 'FAILED', statusDetail: { code: 'state_conflict' } })
  })
})
