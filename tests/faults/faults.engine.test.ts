/**
 * Whatever is killed in the middle of a run, the run goes on by itself and its log is that of one that was never disturbed:
 * each kind of fault at moments that a seed chooses. `npm run test:faults` plays ten of each; FAULT_SEED, FAULT_ROUNDS and
 * FAULT_KINDS choose.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { type WatchedAgent, watchAgent } from '../support/e2e-agent.ts'
import { expectNoStrayProcess, expectNothingLeft } from './leftovers.ts'
import { describeFault, type Fault, planFaults, readFaultOptions, stretches } from './plan.ts'
import {
  expectJournalStored,
  expectOnePullRequest,
  expectResumable,
  expectUndisturbedLog,
  expectWorkDoneOnce,
} from './undisturbed.ts'
import { DISTURBED, PREPARATION, STEPS } from './work.ts'
import { type FaultWorld, startFaultWorld } from './world.ts'

const options = readFaultOptions(process.env)
const faults = planFaults(options)
/** What does not come back by itself must come back at all: after it, a run may need its clone and its container anew. */
const FAULT_TIMEOUT_MS = 180_000

const worlds = [
  { engine: 'the ordinary engine', withOwnEngine: false },
  { engine: 'an engine that is killed', withOwnEngine: true },
]
  .map((kind) => ({ ...kind, mine: faults.filter(({ kind: of }) => (of === 'engine') === kind.withOwnEngine) }))
  .filter(({ mine }) => mine.length > 0)

describe.each(worlds)(`faults on $engine, seed ${options.seed}`, ({ withOwnEngine, mine }) => {
  let world: FaultWorld
  beforeAll(async () => {
    world = await startFaultWorld({ withOwnEngine })
  }, FAULT_TIMEOUT_MS)
  afterAll(async () => {
    await world?.close()
  }, FAULT_TIMEOUT_MS)

  for (const fault of mine) {
    const survive = async () => {
      const before = { ports: world.listeningPorts().length, folders: await world.socketFolders() }
      const agentId = await createAgent(world, fault)
      try {
        const runId = await disturb(world, { agentId, fault })
        await expectUndisturbedLog(world, { agentId, runId, mayContinue: CONTINUES[fault.kind] })
        await expectOnePullRequest(world, agentId)
        await expectResumable(world, agentId)
        await expectJournalStored(world, agentId)
        await expectWorkDoneOnce(world, agentId)
        await expectNoStrayProcess(world, agentId)
      } catch (error) {
        throw await withLastWords(world, { agentId, error })
      }
      await world.api().deleteAgent(agentId, { purge: true })
      await expectNothingLeft(world, { agentId, kind: fault.kind })
      expect(world.listeningPorts()).toHaveLength(before.ports)
      expect(await world.socketFolders()).toEqual(before.folders)
    }
    it(describeFault(fault), survive, FAULT_TIMEOUT_MS)
  }
})

/** What the log and the control plane say of it, in the failure's own words. The agent stays; the world's end takes it away. */
async function withLastWords(
  world: FaultWorld,
  { agentId, error }: { agentId: string; error: unknown },
): Promise<Error> {
  const events = await world
    .api()
    .listEvents(agentId)
    .catch(() => [])
  const lines = events.slice(-20).map(({ seq, type, data }) => `  ${seq} ${type} ${JSON.stringify(data).slice(0, 300)}`)
  const words = error instanceof Error ? error.message : String(error)
  const said = world.said().slice(-4_000)
  return new Error(`${words}\nThe last events:\n${lines.join('\n')}\nThe control plane:\n${said}`, { cause: error })
}

async function createAgent(world: FaultWorld, fault: Fault): Promise<string> {
  const task = fault.inRun === 1 ? describeWork(fault) : PREPARATION
  const limits = { maxSteps: STEPS + 5 }
  return (await world.api().createAgent({ githubRepo: sampleCase.repo, task, limits })).id
}

const describeWork = (fault: Fault) => `${DISTURBED}${describeFault(fault)}`

/** Starts the run, strikes at the moment, and waits until the run is over. */
async function disturb(world: FaultWorld, { agentId, fault }: { agentId: string; fault: Fault }): Promise<string> {
  const before = watchAgent({ api: world.api(), agentId })
  let { run } = await world.api().startAgent(agentId)
  let since = 0
  if (fault.inRun === 2) {
    await before.untilRunIsOver(run.id)
    since = before.events.at(-1)?.seq ?? 0
    run = (await world.api().resumeAgent(agentId, describeWork(fault))).run
  }
  await untilMoment(before, fault, since)
  await world.strike(fault, agentId)
  before.unwatch()
  const after = watchAgent({ api: world.api(), agentId })
  await after.untilRunIsOver(run.id)
  after.unwatch()
  return run.id
}

async function untilMoment(
  reader: WatchedAgent,
  { stretch, afterEvents, delayMs }: Fault,
  since: number,
): Promise<void> {
  const { from } = stretches[stretch]
  let seen = from === null ? 0 : -1
  const isMoment: Parameters<WatchedAgent['until']>[1] = ({ seq, type }) => {
    if (seq === 0) return false
    if (seen >= 0 || type === from) seen += 1
    return seen >= afterEvents
  }
  await reader.until(`event ${afterEvents} of the ${stretch}`, isMoment, { after: since })
  // Not to wait for anything: the moment is chosen.
  await sleep(delayMs)
}

/** Faults of the control plane's side are not even noticed by the run; the others continue it once. */
const CONTINUES: Record<Fault['kind'], boolean> = {
  'control plane': false,
  database: false,
  runner: false,
  bridge: true,
  'container killed': true,
  'container removed': true,
  engine: true,
}
