/** A bridge that names events it never sends: nothing waits for them without an end. */
import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../../../../lib/clock.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

/** A minute of patience in a third of a second. */
const clock = { ...systemClock, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 200, signal) }

let id: string

startFreshControlPlanes({}, {}, { clock })
beforeEach(async () => {
  id = await ada.createRunning()
})

/** From now on the bridge says that it has a thousand events more than it sends. */
function boast() {
  const { client } = plane.bridge
  const { health } = client
  const boasting = async () => {
    const now = await health()
    return { ...now, lastN: now.lastN + 1_000 }
  }
  Object.assign(client, { health: boasting, waitUntilReady: boasting })
  return () => Object.assign(client, { health, waitUntilReady: health })
}

describe('a cancel', () => {
  it('that the bridge answers, but does not finish, acts: the container goes, the agent can be resumed', async () => {
    const before = await plane.containers(id)
    const honest = boast()
    plane.bridge.client.cancel = async () => ({ ended: true })
    await ada.cancel(id)
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ run: { status: 'ENDED', reason: 'cancelled' } })
    const after = await plane.containers(id)
    expect(after.map(({ incarnation }) => incarnation)).not.toContain(before[0]?.incarnation)

    honest()
    plane.bridge.crash()
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await ada.resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await ada.read(id)).toMatchObject({ status: 'READY', run: { reason: 'completed' } })
  })
})
