/** Struck twice in one run: what the run does not notice it goes on through; what it is continued after, it is continued after once. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { type WatchedAgent, watchAgent } from '../support/e2e-agent.ts'
import { expectNothingLeft } from './leftovers.ts'
import type { FaultKind } from './plan.ts'
import {
  expectJournalStored,
  expectOnePullRequest,
  expectResumable,
  expectWholeLog,
  expectWorkDoneOnce,
} from './undisturbed.ts'
import { LONG_WORK, STEPS } from './work.ts'
import { type FaultWorld, startFaultWorld } from './world.ts'

let world: FaultWorld

beforeAll(async () => {
  world = await startFaultWorld({ withOwnEngine: false })
})
afterAll(async () => {
  await world?.close()
})

const FIRST_CALLS = 3
/** More results than the two calls of a step can have on their way, and be interrupted with: the run went on after the first strike. */
const SURELY_AFTER = 6

/** Resolves when so many calls of the run have their results. */
function untilWorked(reader: WatchedAgent, calls: number) {
  let seen = 0
  return reader.until(`${calls} results`, ({ type }) => {
    if (type === 'tool_result') seen += 1
    return seen >= calls
  })
}

/** Answers when the run is over. */
async function strikeTwice(kind: FaultKind): Promise<{ agentId: string; runId: string }> {
  const limits = { maxSteps: STEPS + 5 }
  const { id } = await world
    .api()
    .createAgent({ githubRepo: sampleCase.repo, task: `${LONG_WORK}twice: ${kind}`, limits })
  const { run } = await world.api().startAgent(id)
  for (const more of [FIRST_CALLS, SURELY_AFTER]) {
    const worked = (await world.api().listEvents(id)).filter(({ type }) => type === 'tool_result').length
    const reader = watchAgent({ api: world.api(), agentId: id })
    await untilWorked(reader, worked + more)
    await world.strike({ kind, awayMs: 0 }, id)
    reader.unwatch()
  }
  const reader = watchAgent({ api: world.api(), agentId: id })
  await reader.untilRunIsOver(run.id)
  reader.unwatch()
  return { agentId: id, runId: run.id }
}

describe('struck twice in one run', () => {
  it('by the loss of its bridge, the run is continued once, then ends as sandbox_lost and can be resumed', async () => {
    const { agentId, runId } = await strikeTwice('bridge')
    await expectResumable(world, agentId)
    // Its half-run calls are closed by the run that follows.
    const of = await expectWholeLog(world, { agentId, runId, reason: 'sandbox_lost' })
    expect(of('run_started').map(({ data }) => data.continued)).toEqual([false, true])
    await expectJournalStored(world, agentId)
    await world.api().deleteAgent(agentId, { purge: true })
    await expectNothingLeft(world, { agentId, kind: 'bridge' })
  })

  it('by the loss of its control plane, the run goes on as if nothing had been', async () => {
    const { agentId, runId } = await strikeTwice('control plane')
    const of = await expectWholeLog(world, { agentId, runId, reason: 'completed' })
    expect(of('run_started')).toHaveLength(1)
    await expectOnePullRequest(world, agentId)
    await expectResumable(world, agentId)
    await expectJournalStored(world, agentId)
    await expectWorkDoneOnce(world, agentId)
    await world.api().deleteAgent(agentId, { purge: true })
    await expectNothingLeft(world, { agentId, kind: 'control plane' })
  })
})
