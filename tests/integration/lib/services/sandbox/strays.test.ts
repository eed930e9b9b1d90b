/** What is on the engine and in no row: stopped, shown, never removed; and everything else is left as it is. */
import { describe, expect, it } from 'vitest'
import type { Sandbox } from '../../../../../lib/drivers/sandbox/port.ts'
import { readHealth } from '../../../../../lib/services/health/read.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

/** On the engine, behind the control plane's back. */
function createOutside(labels: Partial<Sandbox> = {}) {
  return plane.driver.create({
    installationId: 'ins_test',
    agentId: 'agt_unknown',
    incarnation: 'inc_outside',
    image: 'berth-agent:test',
    memoryBytes: 1,
    nanoCpus: 1,
    pids: 1,
    tmpBytes: 1,
    bridgeTokenSha256: '',
    agentEnv: {},
    ...labels,
  })
}
const list = (installationId = 'ins_test') => plane.driver.list({ installationId })
const look = async () => {
  await plane.parts.strays.look()
  return (await readHealth(plane.parts)).strays
}

describe('a sandbox that no row accounts for', () => {
  it('of an agent that is not in the database is stopped and shown, and neither it nor its volumes are removed', async () => {
    await createOutside()
    expect(await look()).toMatchObject([{ agentId: 'agt_unknown', reason: 'unknown_agent', state: 'stopped' }])
    expect(await list()).toMatchObject([{ agentId: 'agt_unknown', state: 'stopped' }])
    expect(plane.driver.files({ installationId: 'ins_test', agentId: 'agt_unknown' })).not.toBeNull()
    expect(await look()).toHaveLength(1)
  })

  it('of an agent that was stopped is stopped and shown', async () => {
    const id = await ada.createRunning()
    await ada.stop(id)
    await plane.settle(id)
    await createOutside({ agentId: id })
    expect(await look()).toMatchObject([{ agentId: id, incarnation: 'inc_outside', reason: 'outdated' }])
    expect(await list()).toMatchObject([{ incarnation: 'inc_outside', state: 'stopped' }])
  })

  it('is shown no more when it was removed by hand', async () => {
    const stray = await createOutside()
    await look()
    await plane.driver.remove(stray)
    expect(await look()).toEqual([])
  })

  it('is shown as before while the engine is away', async () => {
    await createOutside()
    await look()
    plane.driver.setReachable(false)
    expect(await look()).toHaveLength(1)
  })
})

describe('everything else on the engine', () => {
  it('goes on: a run in progress is not disturbed', async () => {
    const id = await ada.createRunning()
    const before = await list()
    expect(await look()).toEqual([])
    expect(await list()).toEqual(before)
    expect(plane.bridge.running()).not.toBeNull()
    expect(plane.parts.supervisor.connection(id)).not.toBeNull()
  })

  it('is left alone when it is another installation’s', async () => {
    await createOutside({ installationId: 'ins_other' })
    expect(await look()).toEqual([])
    expect(await list('ins_other')).toMatchObject([{ state: 'running' }])
  })

  it('is left to the control plane that holds its agent', async () => {
    const id = await ada.createRunning()
    const other = await plane.boot('own_other')
    const { incarnation = '' } = (await list())[0] ?? {}
    // As after a database was restored that knew an earlier one.
    await plane.parts.stores.log.write(id, (tx) => tx.update({ incarnation: 'inc_earlier' }))
    await other.strays.look()
    expect(await list()).toMatchObject([{ incarnation, state: 'running' }])
    await look()
    expect(await list()).toMatchObject([{ incarnation, state: 'stopped' }])
  })
})
