/** A database that was restored from an older state: the sandboxes, their journals and their fences are ahead of it. */
import { describe, expect, it } from 'vitest'
import type { Parts } from '../../../../../lib/services/context.ts'
import { backUpDatabase, type DatabaseBackup } from '../../../../support/database-backup.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'
import { createPerson } from '../../../../support/person.ts'

startFreshControlPlanes()

const sayText = (text: string) => plane.bridge.say('text', { step: 1, messageId: text, text })
const isText = (text: string) => (event: { data: Record<string, unknown> }) => event.data.text === text

/** The control plane ends, the database is restored, and a control plane starts on it. */
async function restore(backup: DatabaseBackup): Promise<Parts> {
  await plane.parts.supervisor.close()
  await backup.restore()
  const next = await plane.boot()
  await next.supervisor.reconcile()
  return next
}

const textsOf = async (agentId: string) => (await plane.events(agentId, 'text')).map(({ data }) => data.text)
const errorsOf = async (agentId: string) => (await plane.events(agentId, 'error')).map(({ data }) => data.code)

async function expectWholeLog(agentId: string) {
  const events = await plane.events(agentId)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
}

describe('after a database was restored', () => {
  it('a run that it knows goes on in its container: what the journal has since is read, once', async () => {
    const id = await ada.createRunning()
    sayText('before')
    await plane.until(id, isText('before'))
    const backup = await backUpDatabase(plane.databaseUrl)
    sayText('after')
    await plane.until(id, isText('after'))
    // Taken over once more since: the bridge has seen a higher fence than the backup.
    await plane.parts.stores.leases.release(id, plane.parts.instanceId)
    plane.bridge.cut()
    await plane.settle(id)
    const containers = await plane.driver.list({ installationId: 'ins_test' })

    const next = await restore(backup)
    await next.supervisor.settle(id)
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    expect(await textsOf(id)).toEqual(['before', 'after'])
    await expectWholeLog(id)
    expect(plane.bridge.commands).toHaveLength(1)
    expect(await plane.driver.list({ installationId: 'ins_test' })).toEqual(containers)
    expect(await next.stores.runs.findLatest(id)).toMatchObject({ reason: 'completed', continuedCount: 0 })
    expect(await errorsOf(id)).toEqual([])
  })

  it('a run that it takes for running and that has ended, ends as the journal says', async () => {
    const id = await ada.createRunning()
    const backup = await backUpDatabase(plane.databaseUrl)
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    const next = await restore(backup)
    await plane.untilAtRest(id)
    expect(await next.stores.runs.findLatest(id)).toMatchObject({ reason: 'completed', summary: 'Done.' })
    expect(await plane.events(id, 'done')).toHaveLength(1)
    expect(plane.forge.pullRequests).toHaveLength(1)
  })

  it('a run that it does not know is shown and ended, and the agent takes another', async () => {
    const id = await ada.createRunning()
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    const backup = await backUpDatabase(plane.databaseUrl)
    await ada.resume(id, 'Nobody will remember this')
    await plane.until(id, ({ type, data }) => type === 'run_started' && data.continued === false)
    await plane.settle(id)
    sayText('of a lost run')
    await plane.until(id, isText('of a lost run'))
    const lost = plane.bridge.running()

    const next = await restore(backup)
    await next.supervisor.settle(id)
    expect(plane.bridge.running()).toBeNull()
    expect(await textsOf(id)).toEqual(['of a lost run'])
    expect(await errorsOf(id)).toEqual(['run_unknown'])
    const ends = await plane.events(id, 'done')
    expect(ends.map(({ runId, data }) => [runId === lost, data.reason])).toEqual([
      [false, 'completed'],
      [true, 'cancelled'],
    ])
    await expectWholeLog(id)
    plane.bridge.onExecute = () => plane.bridge.end('completed', 'Done.')
    await createPerson(plane, { ...plane.ctx, parts: next }).resume(id, 'Go on')
    await plane.untilAtRest(id)
    expect(await next.stores.runs.findLatest(id)).toMatchObject({ task: 'Go on', reason: 'completed' })
  })

  it('a container that it does not know is replaced on the same volumes: one runs, and the run goes on', async () => {
    const id = await ada.createRunning()
    const backup = await backUpDatabase(plane.databaseUrl)
    // Since then the container was lost and made anew.
    const [first] = await plane.driver.list({ installationId: 'ins_test' })
    if (first === undefined) throw new Error('There is no container.')
    await plane.driver.remove(first)
    plane.bridge.crash()
    await plane.settle(id)
    await plane.until(id, ({ type, data }) => type === 'run_started' && data.continued === true)
    plane.driver.files({ installationId: 'ins_test', agentId: id })?.set('/workspace/kept', 'yes')

    plane.driver.onCreate = () => plane.bridge.crash()
    const next = await restore(backup)
    await next.supervisor.settle(id)
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    const containers = await plane.driver.list({ installationId: 'ins_test' })
    expect(containers).toMatchObject([{ state: 'running' }])
    expect(containers[0]?.incarnation).toBe((await next.stores.agents.find(id))?.incarnation)
    expect(plane.driver.files({ installationId: 'ins_test', agentId: id })?.get('/workspace/kept')).toBe('yes')
    expect(await plane.events(id, 'done')).toHaveLength(1)
    await expectWholeLog(id)
  })

  it('a journal that was replaced since is read from its beginning, and the log says what may be missing', async () => {
    const id = await ada.createRunning()
    sayText('before')
    await plane.until(id, isText('before'))
    const backup = await backUpDatabase(plane.databaseUrl)
    const { n } = await plane.parts.stores.agents.journalPosition(id)
    sayText('only in the journal that is lost')
    await plane.until(id, isText('only in the journal that is lost'))
    await plane.parts.supervisor.close()
    plane.bridge.journalId = 'journal_of_today'
    plane.bridge.journal = []
    sayText('of today')

    const next = await restore(backup)
    await next.supervisor.settle(id)
    expect(await textsOf(id)).toEqual(['before', 'of today'])
    const [said] = await plane.events(id, 'error')
    expect(said?.data).toMatchObject({ code: 'journal_replaced', detail: { journalId: 'journal_1', n } })
    await expectWholeLog(id)
  })

  it('an agent that it does not know is stopped, and nothing of it is removed', async () => {
    const backup = await backUpDatabase(plane.databaseUrl)
    const id = await ada.createRunning()
    const next = await restore(backup)
    await next.strays.look()
    expect(next.strays.found()).toMatchObject([{ agentId: id, reason: 'unknown_agent', state: 'stopped' }])
    expect(await plane.driver.list({ installationId: 'ins_test' })).toMatchObject([{ state: 'stopped' }])
    expect(plane.driver.files({ installationId: 'ins_test', agentId: id })).not.toBeNull()
  })

  it('an agent that was purged since is without a container, and asks about its lost workspace', async () => {
    const id = await ada.createRunning()
    plane.bridge.end('completed', 'Done.')
    await plane.untilAtRest(id)
    const backup = await backUpDatabase(plane.databaseUrl)
    await ada.stop(id)
    await plane.untilAtRest(id)
    await plane.driver.removeVolumes({ installationId: 'ins_test', agentId: id })
    plane.bridge.loseVolumes()
    const next = await restore(backup)
    await next.supervisor.settle(id)
    expect(await next.stores.agents.find(id)).toMatchObject({ status: 'IDLE' })
    await createPerson(plane, { ...plane.ctx, parts: next }).resume(id, 'Go on')
    await next.supervisor.settle(id)
    expect(await next.stores.agents.find(id)).toMatchObject({
      needs: 'divergence',
      divergence: { kind: 'workspace_lost' },
    })
  })
})
