/** What the log, the workspace and the forge show after a run that was disturbed: as if it had not been. */
import { expect } from 'vitest'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { watchAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { STEPS, TRACE_FILE, traces } from './work.ts'
import type { FaultWorld } from './world.ts'

export type ObservedWorld = Pick<FaultWorld, 'api' | 'engine' | 'query' | 'outside'>

interface Disturbed {
  agentId: string
  runId: string
  /** The run noticed it, and was continued once. */
  mayContinue: boolean
}

export async function expectUndisturbedLog(
  world: ObservedWorld,
  { agentId, runId, mayContinue }: Disturbed,
): Promise<void> {
  const of = await expectWholeLog(world, { agentId, runId, reason: 'completed' })
  expect(of('run_started').length).toBeLessThanOrEqual(mayContinue ? 2 : 1)
  expect(of('text').at(-1)?.data.text).toContain(`All ${STEPS} steps`)
}

/** Numbered without gaps; one end, with this reason; each call once, with one result. Answers the run's events of a type. */
export async function expectWholeLog(
  world: ObservedWorld,
  { agentId, runId, reason }: { agentId: string; runId: string; reason: string },
): Promise<(type: string) => EventView[]> {
  const events = await world.api().listEvents(agentId)
  const of = (type: string) => events.filter((event) => event.type === type && event.runId === runId)
  const callIds = (type: string) => of(type).map(({ data }) => String(data.toolCallId))
  expect(events.map(({ seq }) => seq)).toEqual(wholeNumbers(events))
  expect(of('done').map(({ data }) => data.reason)).toEqual([reason])
  expect(new Set(callIds('tool_call')).size).toBe(callIds('tool_call').length)
  expect(callIds('tool_result').toSorted()).toEqual(callIds('tool_call').toSorted())
  return of
}

/** Every line that the bridge wrote is in the database once, under its number. */
export async function expectJournalStored(world: ObservedWorld, agentId: string): Promise<void> {
  const { output } = await world.engine.sh(agentId, 'cat /state/journal.ndjson', { user: '990:990', directory: '/' })
  const lines = output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  const { journalId } = lines[0]
  const written = lines.flatMap((line) => (typeof line.n === 'number' ? [line.n] : []))
  const stored = await world.query<{ n: number }>(
    'SELECT "journalN" AS n FROM "Event" WHERE "agentId" = $1 AND "journalId" = $2 ORDER BY n',
    [agentId, journalId],
  )
  expect(stored.map(({ n }) => n)).toEqual(written)
}

/** No step is lost or done twice; what was cut off may be missing, and is in the log as interrupted. */
export async function expectWorkDoneOnce(world: ObservedWorld, agentId: string): Promise<void> {
  const { output } = await world.engine.sh(agentId, `cat ${TRACE_FILE}`)
  const found = output.split('\n').filter((line) => line !== '')
  expect(new Set(found).size).toBe(found.length)
  const { interrupted } = sortTraces(await world.api().listEvents(agentId))
  expect(traces.filter((trace) => !found.includes(trace) && !interrupted.includes(trace))).toEqual([])
  // The two calls of the one step that was struck, and no more.
  expect(interrupted.length).toBeLessThanOrEqual(2)
}

/** With everything that a call is known to have done: nothing of the run's work stays behind. */
export async function expectOnePullRequest(world: ObservedWorld, agentId: string): Promise<void> {
  const pulls = await world.outside.forge.pullRequests(sampleCase.repo)
  const { targetBranch } = await world.api().getAgent(agentId)
  const mine = pulls.filter(({ head }) => head === targetBranch)
  expect(mine).toHaveLength(1)
  const { done } = sortTraces(await world.api().listEvents(agentId))
  const delivered = mine[0]?.diff.split('\n') ?? []
  expect(done.filter((trace) => !delivered.includes(`+${trace}`))).toEqual([])
}

/** Of the calls that came to their end, and of those that were cut off. */
function sortTraces(events: EventView[]): { done: string[]; interrupted: string[] } {
  const results = events.filter(({ type }) => type === 'tool_result')
  const tracesOf = (some: EventView[]) => some.map(({ data }) => String(data.toolCallId).replace('call_', ''))
  return {
    done: tracesOf(results.filter(({ data }) => data.outcome === 'ok')),
    interrupted: tracesOf(results.filter(({ data }) => data.outcome !== 'ok')),
  }
}

/** A new instruction is taken and completed. */
export async function expectResumable(world: ObservedWorld, agentId: string): Promise<void> {
  const { run } = await world.api().resumeAgent(agentId, 'Say hello')
  const reader = watchAgent({ api: world.api(), agentId })
  const done: EventView = await reader.untilRunIsOver(run.id)
  reader.unwatch()
  expect(done.data).toMatchObject({ reason: 'completed', summary: 'Hello.' })
  expect(await world.api().getAgent(agentId)).toMatchObject({ status: 'READY', needs: null })
}
