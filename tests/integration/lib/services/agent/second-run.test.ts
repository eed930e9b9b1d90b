/** A run after another: what the first one left is compared before, and only what is nobody's own work is asked about. */
import { afterEach, describe, expect, it } from 'vitest'
import { BerthError } from '../../../../../lib/errors.ts'
import { recordPush } from '../../../../../lib/services/push/broker-access.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

/** Lets the worker of a dead control plane end with its test. */
let bury = () => {}

startFreshControlPlanes()
afterEach(() => bury())

/** An agent whose first run is over and delivered. */
async function createAndRun() {
  const id = await ada.createAndRun()
  await plane.settle(id)
  return id
}

/** The control plane dies as the bridge takes the run; its journal says so, and nobody has read it. */
function dieAtHandOver() {
  const { client } = plane.bridge
  const { execute } = client
  const handedOver = Promise.withResolvers<void>()
  client.execute = async (command) => {
    client.execute = execute
    plane.bridge.cut()
    await execute(command)
    handedOver.resolve()
    return await new Promise((_resolve, reject) => {
      bury = () => reject(new Error('the control plane is dead'))
    })
  }
  return handedOver.promise
}

describe('a second run that was handed over by a control plane that died', () => {
  it('is found again, and its own changes are not asked about', async () => {
    const id = await createAndRun()
    plane.bridge.onExecute = () => {}
    const handedOver = dieAtHandOver()
    await ada.resume(id, 'Go on')
    await handedOver
    plane.bridge.workspace.digest = 'e'.repeat(64)
    const next = await plane.boot()
    await next.supervisor.settle(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'RUNNING',
      needs: null,
      run: { status: 'RUNNING', task: 'Go on' },
    })
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', needs: null, run: { reason: 'completed' } })
    expect(plane.bridge.calls.filter((call) => call.startsWith('cancel'))).toEqual([])
  })

  it('and whose bridge died as well is continued once', async () => {
    const id = await createAndRun()
    plane.bridge.onExecute = () => {}
    const handedOver = dieAtHandOver()
    await ada.resume(id, 'Go on')
    await handedOver
    plane.bridge.workspace.digest = 'e'.repeat(64)
    plane.bridge.crash()
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    const next = await plane.boot()
    await next.supervisor.settle(id)
    await plane.untilAtRest(id)
    const run = await plane.parts.stores.runs.findLatest(id)
    expect(run).toMatchObject({ task: 'Go on', reason: 'completed', continuedCount: 1 })
    expect(await ada.read(id)).toMatchObject({ status: 'READY', needs: null })
  })

  it('and that ended meanwhile is not begun again', async () => {
    const id = await createAndRun()
    const handedOver = dieAtHandOver()
    await ada.resume(id, 'Go on')
    await handedOver
    const next = await plane.boot()
    await next.supervisor.settle(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      needs: null,
      run: { task: 'Go on', reason: 'completed' },
    })
    expect(await plane.events(id, 'done')).toHaveLength(2)
    expect(plane.bridge.commands).toHaveLength(2)
  })
})

describe('what a person chose', () => {
  it('is done with the run that it was for, also where that was over before anybody heard of it', async () => {
    const id = await createAndRun()
    plane.bridge.workspace.digest = 'e'.repeat(64)
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    const handedOver = dieAtHandOver()
    await ada.resolve(id, 'keep')
    await handedOver
    const next = await plane.boot()
    await next.supervisor.settle(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, divergence: null, run: { reason: 'completed' } })
  })
})

describe('the target branch', () => {
  it('at the commit that the workspace is at is no news, although the record of that push was lost', async () => {
    const id = await createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: '0'.repeat(40), newSha: 'b'.repeat(40), outcome: 'ok' as const }
    await recordPush(plane.parts, id, push)
    // As the delivery left it: the fake bridge commits this.
    plane.forge.branches.set('berth/fix', { sha: 'c'.repeat(40), protected: false })
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })

  it('that is adopted may move until the first clone', async () => {
    plane.forge.branches.set('berth/fix', { sha: '1'.repeat(40), protected: false })
    const { id } = await ada.create({ adoptTargetBranch: true })
    plane.forge.branches.set('berth/fix', { sha: '2'.repeat(40), protected: false })
    await ada.start(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { reason: 'completed' } })
  })
})

describe('a clone', () => {
  const cloneAgain = async (id: string) => {
    plane.bridge.cloned = false
    await ada.resume(id, 'Go on')
    await plane.settle(id)
    await ada.resolve(id, 'clone_again')
    await plane.untilAtRest(id)
    return plane.bridge.clones
  }

  it('goes on from the agent’s own pushes, unless their branch was merged and deleted', async () => {
    const id = await createAndRun()
    const push = { ref: 'refs/heads/berth/fix', oldSha: '0'.repeat(40), newSha: 'c'.repeat(40), outcome: 'ok' as const }
    await recordPush(plane.parts, id, push)
    expect(await cloneAgain(id)).toMatchObject([
      { adoptTargetBranch: false },
      { adoptTargetBranch: true, targetMayBeGone: true },
    ])
  })

  it('demands the branch that a person adopted until a run has begun there', async () => {
    plane.forge.branches.set('berth/fix', { sha: '1'.repeat(40), protected: false })
    const { id } = await ada.create({ adoptTargetBranch: true })
    await ada.start(id)
    await plane.untilAtRest(id)
    await plane.settle(id)
    plane.forge.branches.delete('berth/fix')
    expect(await cloneAgain(id)).toMatchObject([
      { adoptTargetBranch: true, targetMayBeGone: false },
      { adoptTargetBranch: true, targetMayBeGone: true },
    ])
  })
})

describe('a workspace that cannot be looked at after its run', () => {
  it('takes nothing back of what the run has done', async () => {
    const { id } = await ada.create()
    const { client } = plane.bridge
    const { workspaceState } = client
    let isDelivered = false
    client.workspaceState = async (signal) => {
      if (!isDelivered) return await workspaceState(signal)
      client.workspaceState = workspaceState
      throw new BerthError('upstream_failed', 'git rev-parse: it ended with SIGKILL')
    }
    const { push } = client
    client.push = async (command, signal) => {
      isDelivered = true
      return await push(command, signal)
    }
    await ada.start(id)
    await plane.untilAtRest(id)
    await plane.settle(id)
    expect(await ada.read(id)).toMatchObject({
      status: 'READY',
      pullRequest: { number: 1 },
      run: { reason: 'completed' },
    })
    expect(client.workspaceState).toBe(workspaceState)
    expect(await plane.containers(id)).toHaveLength(1)
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ needs: null, run: { task: 'Go on', reason: 'completed' } })
  })
})
