/**
 * What people said to a run, as the log has it: what a run begins with, and what one is answered that asks again. Must not know:
 * what of it a bridge has heard (it passes over what it knows).
 */
import type { PersonMessage } from '../../../container/contract/bridge.ts'
import type { Run } from '../../domain/agent.ts'
import type { Stores } from '../../store/stores.ts'

const MAX_UNBEGUN = 20

/** Said to this run since its own task, oldest first. */
export async function readWordsSince(stores: Pick<Stores, 'events'>, run: Run): Promise<PersonMessage[]> {
  const words = await readWords(stores, [run])
  return words.slice(placeOf(run, words) + 1)
}

/**
 * Said before this run's task, oldest first, of which nothing shows that it was heard: what came with it, all that was said to
 * runs that ended before they began, and what the last that did begin took on its way and may have lost.
 */
export async function readWordsBefore(stores: Pick<Stores, 'events' | 'runs'>, run: Run): Promise<PersonMessage[]> {
  const earlier = await stores.runs.list({ agentId: run.agentId, limit: MAX_UNBEGUN, before: run.createdAt })
  const at = earlier.findIndex(({ startedAt }) => startedAt !== null)
  const [begun, unbegun] = at === -1 ? [undefined, earlier] : [earlier[at], earlier.slice(0, at)]
  const [taken, words] = await Promise.all([
    begun ? readWordsSince(stores, begun) : [],
    readWords(stores, [...unbegun, run]),
  ])
  return [...taken, ...words.slice(0, Math.max(0, placeOf(run, words)))]
}

async function readWords({ events }: Pick<Stores, 'events'>, runs: Run[]): Promise<PersonMessage[]> {
  const [agentId] = runs.map((run) => run.agentId)
  if (agentId === undefined) return []
  const said = await events.listOfTypes({ agentId, types: ['message'], runIds: runs.map(({ id }) => id) })
  return said.map(({ id, data }) => ({ eventId: id, text: String(data.text) }))
}

function placeOf(run: Run, words: PersonMessage[]): number {
  return words.findIndex(({ eventId }) => eventId === run.inputEventId)
}
