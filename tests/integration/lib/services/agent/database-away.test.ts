/** What the database's absence does to an agent: nothing but that it waits. */
import { expect, it } from 'vitest'
import { BerthError } from '../../../../../lib/errors.ts'
import type { Stores } from '../../../../../lib/store/stores.ts'
import { ada, plane, startFreshControlPlanes } from '../../../../support/fresh-control-plane.ts'

startFreshControlPlanes()

/** The next calls of a store's method find no database; those after them do. Answers a function: how many are still to come. */
function fail<K extends keyof Stores, M extends keyof Stores[K]>(group: K, method: M, times = 1): () => number {
  const store = plane.parts.stores[group]
  const working = store[method]
  let left = times
  const fails = async () => {
    left -= 1
    if (left === 0) store[method] = working
    throw new BerthError('database_unreachable', 'The database does not answer.')
  }
  store[method] = fails as Stores[K][M]
  return () => left
}

/** Ends the run; answers the statuses that the agent went through. */
async function endRun(id: string): Promise<unknown[]> {
  plane.bridge.end('completed')
  await plane.until(id, ({ type, data }) => type === 'status' && ['READY', 'FAILED'].includes(String(data.status)))
  const events = await plane.parts.stores.events.listOfTypes({ agentId: id, types: ['status'] })
  return [...new Set(events.map(({ data }) => data.status))]
}

it('is waited for when a run is to begin', async () => {
  const left = fail('runs', 'list')
  const id = await ada.createRunning()
  expect(await endRun(id)).toEqual(['STARTING', 'RUNNING', 'READY'])
  expect(left()).toBe(0)
  expect(plane.bridge.calls.filter((call) => call.startsWith('clone'))).toHaveLength(1)
})

it('is waited for when a sandbox is reached again and its log is to be read', async () => {
  const id = await ada.createRunning()
  // Once for who was reading, once for who reaches it again.
  const left = fail('agents', 'journalPosition', 2)
  plane.bridge.cut()
  plane.bridge.say('text', { step: 1, messageId: 'm1', text: 'still here' }, plane.bridge.running())
  await plane.until(id, ({ data }) => data.text === 'still here')
  expect(await endRun(id)).toEqual(['STARTING', 'RUNNING', 'READY'])
  expect(left()).toBe(0)
})

it('is waited for when the work of a run is to be delivered', async () => {
  const id = await ada.createRunning()
  const left = fail('runs', 'find')
  expect(await endRun(id)).toEqual(['STARTING', 'RUNNING', 'READY'])
  expect(left()).toBe(0)
  expect(plane.forge.pullRequests).toHaveLength(1)
})
