/**
 * Whatever is killed in the middle of a run, the run goes on by itself and its log is that of one that was never disturbed:
 * each kind of fault at moments that a seed chooses. `npm run test:faults` plays ten of each; FAULT_SEED, FAULT_ROUNDS and
 * FAULT_KINDS choose.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { type WatchedAgent, watchAgent } from '../support/e2e-agent.ts'
import { findProcessesOf } from './leftovers.ts'
import { describeFault, type Fault, planFaults, readFaultOptions, stretches } from './plan.ts'
import { STEPS, TRACE_FILE, traces } from './work.ts'
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
        await expectUndisturbedLog(world, { agentId, runId, fault })
        await expectOnePullRequest(world, agentId)
        await expectResumable(world, agentId)
        await expectJournalStored(world, agentId)
        await expectWorkDoneOnce(world, agentId)
        await expectNoStrayProcess(world, agentId)
      } catch (error) {
        throw await withLastWords(world, { agentId, error })
      }
      await world.api().deleteAgent(agentId, { purge: true })
      await expectNothingLeft(world, agentId)
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
  const events = await world.api().listEvents(agentId)
  const lines = events.slice(-20).map(({ seq, type, data }) => `  ${seq} ${type} ${JSON.stringify(data).slice(0, 300)}`)
  const words = error instanceof Error ? error.message : String(error)
  const said = world.said().slice(-4_000)
  return new Error(`${words}\nThe last events:\n${lines.join('\n')}\nThe control plane:\n${said}`, { cause: error })
}

async function createAgent(world: FaultWorld, fault: Fault): Promise<string> {
  const task = `Disturbed by: ${describeFault(fault)}`
  const limits = { maxSteps: STEPS + 5 }
  return (await world.api().createAgent({ githubRepo: sampleCase.repo, task, limits })).id
}

/** Starts the run, strikes at the moment, and waits until the run is over. */
async function disturb(world: FaultWorld, { agentId, fault }: { agentId: string; fault: Fault }): Promise<string> {
  const before = watchAgent({ api: world.api(), agentId })
  const { run } = await world.api().startAgent(agentId)
  await untilMoment(before, fault)
  await world.strike(fault, agentId)
  before.unwatch()
  const after = watchAgent({ api: world.api(), agentId })
  await after.untilRunIsOver(run.id)
  after.unwatch()
  return run.id
}

async function untilMoment(reader: WatchedAgent, { stretch, afterEvents, delayMs }: Fault): Promise<void> {
  const { from } = stretches[stretch]
  let seen = from === null ? 0 : -1
  await reader.until(`event ${afterEvents} of the ${stretch}`, ({ seq, type }) => {
    if (seq === 0) return false
    if (seen >= 0 || type === from) seen += 1
    return seen >= afterEvents
  })
  // Not to wait for anything: the moment is chosen.
  await sleep(delayMs)
}

interface Disturbed {
  agentId: string
  runId: string
  fault: Fault
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

async function expectUndisturbedLog(world: FaultWorld, { agentId, runId, fault }: Disturbed): Promise<void> {
  const events = await world.api().listEvents(agentId)
  const of = (type: string) => events.filter((event) => event.type === type && event.runId === runId)
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1))
  expect(of('done').map(({ data }) => data.reason)).toEqual(['completed'])
  expect(of('run_started').length).toBeLessThanOrEqual(CONTINUES[fault.kind] ? 2 : 1)
  const calls = of('tool_call').map(({ data }) => data.toolCallId)
  expect(new Set(calls).size).toBe(calls.length)
  expect(
    of('tool_result')
      .map(({ data }) => data.toolCallId)
      .toSorted(),
  ).toEqual(calls.toSorted())
  expect(of('text').at(-1)?.data.text).toContain(`All ${STEPS} steps`)
}

/** With all that was done: nothing of the run's work stays behind. */
async function expectOnePullRequest(world: FaultWorld, agentId: string): Promise<void> {
  const pulls = await world.outside.forge.pullRequests(sampleCase.repo)
  const { targetBranch } = await world.api().getAgent(agentId)
  const mine = pulls.filter(({ head }) => head === targetBranch)
  expect(mine).toHaveLength(1)
  const last = traces.findLast((trace) => trace.startsWith(String(STEPS)))
  expect(mine[0]?.diff).toContain(`+${last}`)
}

/** Every line that the bridge wrote is in the database once, under its number. */
async function expectJournalStored(world: FaultWorld, agentId: string): Promise<void> {
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
async function expectWorkDoneOnce(world: FaultWorld, agentId: string): Promise<void> {
  const { output } = await world.engine.sh(agentId, `cat ${TRACE_FILE}`)
  const found = output.split('\n').filter((line) => line !== '')
  expect(new Set(found).size).toBe(found.length)
  const events = await world.api().listEvents(agentId)
  const interrupted = events
    .filter(({ type, data }) => type === 'tool_result' && data.outcome !== 'ok')
    .map(({ data }) => String(data.toolCallId).replace('call_', ''))
  expect(traces.filter((trace) => !found.includes(trace) && !interrupted.includes(trace))).toEqual([])
  // The two calls of the one step that was struck, and no more.
  expect(interrupted.length).toBeLessThanOrEqual(2)
}

/** In the sandbox: its init, one bridge, one runner, and the command that looks. */
async function expectNoStrayProcess(world: FaultWorld, agentId: string): Promise<void> {
  const looking = 'for each in /proc/[0-9]*; do tr "\\0" " " < "$each/cmdline"; echo; done'
  const { output } = await world.engine.sh(agentId, looking, { directory: '/' })
  const names = ['docker-init', 'bridge.cjs', 'runner.cjs']
  const programs = output.split('\n').filter((line) => line.trim() !== '' && !/^(bash|tr) /.test(line))
  expect(programs.map((line) => names.find((name) => line.includes(name)) ?? line).toSorted()).toEqual(names.toSorted())
}

async function expectResumable(world: FaultWorld, agentId: string): Promise<void> {
  const { run } = await world.api().resumeAgent(agentId, 'Say hello')
  const reader = watchAgent({ api: world.api(), agentId })
  const done: EventView = await reader.untilRunIsOver(run.id)
  reader.unwatch()
  expect(done.data).toMatchObject({ reason: 'completed', summary: 'Hello.' })
}

async function expectNothingLeft(world: FaultWorld, agentId: string): Promise<void> {
  expect(await world.engine.containers(agentId)).toEqual([])
  expect(await world.engine.volumes(agentId)).toEqual([])
  expect(findProcessesOf(agentId)).toEqual([])
  const rows = await world.query('SELECT "owner" FROM "Lease" WHERE "agentId" = $1', [agentId])
  expect(rows).toEqual([])
}
