/** A copy that becomes an installation of its own: it takes nothing of the original, and keeps what was said. */
import { expect, it } from 'vitest'
import { separateInstallation } from '../../../../../lib/services/installation/separate.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { createPerson } from '../../../../support/person.ts'

startFreshControlPlanes()

it('has its agents without sandboxes, their runs ended and their history kept, and starts them anew', async () => {
  const id = await ada.createRunning()
  await plane.parts.supervisor.close()
  const original = await plane.driver.list({ installationId: 'ins_test' })

  const { stores, ids, clock } = plane.parts
  await stores.installation.ensure('ins_test')
  expect(await separateInstallation({ stores, ids, clock }, { place: '{}', keyCheck: 'check' })).toBe(1)
  const { id: installationId } = await stores.installation.ensure('ins_unused')
  expect(installationId).not.toBe('ins_test')
  const copy = { ...(await plane.boot('own_copy')), installationId }
  expect(await copy.stores.agents.find(id)).toMatchObject({ status: 'IDLE', incarnation: null, desired: null })
  expect(await copy.stores.runs.findLatest(id)).toMatchObject({ status: 'ENDED', reason: 'sandbox_lost' })
  await copy.strays.look()
  expect(await plane.driver.list({ installationId: 'ins_test' })).toEqual(original)
  // Nobody renews it in a copy of the database.
  await plane.parts.holdings.release(id)
  plane.bridge.loseVolumes()
  plane.bridge.crash()
  const { run } = await createPerson(plane, { ...plane.ctx, parts: copy }).resume(id, 'Go on')
  await expect.poll(() => plane.bridge.running()).toBe(run?.id)
  // With a clone of its own; and nothing of the run that goes on elsewhere was delivered first.
  expect(await copy.stores.agents.find(id)).toMatchObject({ needs: null })
  const types = (await copy.stores.events.listAfter({ agentId: id, after: 0, limit: 100 })).map(({ type }) => type)
  expect(types).toContain('done')
  expect(types).not.toContain('pull_request')
})
