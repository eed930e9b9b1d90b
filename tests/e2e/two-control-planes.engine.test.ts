/**
 * Two control planes in processes and data folders of their own, on one PostgreSQL and one engine. Either is killed with -9 at
 * a moment of a run that a seed chooses (FAULT_SEED, FAULT_ROUNDS); the other goes on, and the one that was killed comes back
 * and disturbs nothing. Nor does one that slept for longer than its lease and knows nothing of it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../lib/config.ts'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { type EmbeddedServer, removeEmbeddedServer, startEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { readFaultOptions, stretches } from '../faults/plan.ts'
import { createSeededRandom } from '../faults/seeded.ts'
import {
  expectJournalStored,
  expectOnePullRequest,
  expectUndisturbedLog,
  expectWorkDoneOnce,
  type ObservedWorld,
} from '../faults/undisturbed.ts'
import { disturbedWork, STEPS } from '../faults/work.ts'
import { type WatchedAgent, watchAgent } from '../support/e2e-agent.ts'
import { createE2eApi, type E2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, listSocketFolders, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import { type ControlPlaneProcess, makeToken, startControlPlaneProcess } from '../support/e2e-process.ts'

const { seed, rounds } = readFaultOptions(process.env)
const random = createSeededRandom(`${seed} two control planes`)
const { lastEvent, longestDelayMs } = stretches.work
const moments = Array.from({ length: rounds }, () => [
  { victim: 'the one that holds the agent', holds: true, ...chooseMoment() },
  { victim: 'the other one', holds: false, ...chooseMoment() },
]).flat()
/** A lease lasts half a minute, and is looked for every ten seconds. */
const TEST_TIMEOUT_MS = 180_000
const RUNNERS = "pgrep -c -f '^/opt/berth/bin/node /opt/berth/runner.cjs'"

let base: string
let outside: Outside
let database: EmbeddedServer
let engine: E2eEngine
let token: string
const planes = new Map<PlaneName, ControlPlaneProcess>()

type PlaneName = 'first' | 'second'

function chooseMoment() {
  return { afterEvents: random.whole(1, lastEvent), delayMs: random.whole(0, longestDelayMs) }
}

const folderOf = (name: PlaneName) => path.join(base, name)
const environmentOf = (name: PlaneName) => ({
  ...outside.env,
  DATABASE_URL: database.url,
  BERTH_DATA_DIR: folderOf(name),
  BERTH_SECRET_KEY: 'one secret key of both control planes',
  NEXTAUTH_SECRET: 'one session secret of both control planes',
  IDLE_SLEEP_AFTER: 'never',
})

async function start(name: PlaneName): Promise<void> {
  planes.set(name, await startControlPlaneProcess(environmentOf(name)))
}

function plane(name: PlaneName): ControlPlaneProcess {
  return planes.get(name) ?? expect.fail(`The ${name} control plane was not started.`)
}

const apiOf = (name: PlaneName): E2eApi => createE2eApi({ baseUrl: plane(name).url, token })

beforeAll(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  outside = await startOutside({ script: disturbedWork })
  database = await startEmbeddedServer({ dataDirectory: base })
  engine = openE2eEngine({ dockerHost: readSettings(process.env).dockerHost, installationId: null })
  await start('first')
  await start('second')
  token = await makeToken(environmentOf('first'))
})
afterAll(async () => {
  for (const { id } of planes.has('first') ? await apiOf('first').listAgents() : []) {
    await apiOf('first').deleteAgent(id, { purge: true })
  }
  await Promise.all([...planes.values()].map((each) => each.stop()))
  await removeEmbeddedServer(base)
  await outside?.close()
  await rm(base, { recursive: true, force: true })
}, TEST_TIMEOUT_MS)

async function query<T extends pg.QueryResultRow>(sql: string, values: unknown[]): Promise<T[]> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  try {
    return (await client.query<T>(sql, values)).rows
  } finally {
    await client.end()
  }
}

const socketFolders = async () =>
  (await Promise.all([...planes.keys()].map((name) => listSocketFolders(folderOf(name))))).flat()

const ownerOf = async (agentId: string) =>
  (await query<{ owner: string }>('SELECT "owner" FROM "Lease" WHERE "agentId" = $1', [agentId]))[0]?.owner

/** Started through the first, which holds it from then on. */
async function startWork(): Promise<{ agentId: string; runId: string; before: WatchedAgent }> {
  const limits = { maxSteps: STEPS + 5 }
  const { id } = await apiOf('first').createAgent({ githubRepo: sampleCase.repo, task: 'Survive.', limits })
  const before = watchAgent({ api: apiOf('first'), agentId: id })
  const { run } = await apiOf('first').startAgent(id)
  return { agentId: id, runId: run.id, before }
}

async function untilMoment(work: { runId: string; before: WatchedAgent }, afterEvents: number): Promise<void> {
  let seen = 0
  await work.before.until(`event ${afterEvents} of the run`, ({ runId, seq }: EventView) => {
    if (runId === work.runId && seq > 0) seen += 1
    return seen >= afterEvents
  })
}

async function runOver(name: PlaneName, { agentId, runId }: { agentId: string; runId: string }): Promise<EventView> {
  const reader = watchAgent({ api: apiOf(name), agentId })
  try {
    return await reader.untilRunIsOver(runId)
  } finally {
    reader.unwatch()
  }
}

describe('two control planes, of which one is killed', () => {
  for (const { victim, holds, afterEvents, delayMs } of moments) {
    const survive = async () => {
      const killed: PlaneName = holds ? 'first' : 'second'
      const left: PlaneName = holds ? 'second' : 'first'
      const folders = await socketFolders()
      const work = await startWork()
      const { agentId } = work
      await untilMoment(work, afterEvents)
      const owner = await ownerOf(agentId)
      // None yet when it is killed in the middle of the start.
      const [made] = await engine.containers(agentId)
      await sleep(delayMs)
      await plane(killed).kill()
      work.before.unwatch()

      expect((await runOver(left, work)).data).toMatchObject({ reason: 'completed' })
      const world: ObservedWorld = { api: () => apiOf(left), engine, query, outside }
      await expectUndisturbedLog(world, { ...work, mayContinue: false })
      await expectJournalStored(world, agentId)
      await expectWorkDoneOnce(world, agentId)
      await expectOnePullRequest(world, agentId)
      const { Id: container } = await engine.inspect(agentId)
      expect(container).toBe(made ?? container)
      expect((await ownerOf(agentId)) === owner).toBe(!holds)

      const log = await apiOf(left).listEvents(agentId)
      await start(killed)
      expect(await apiOf(killed).listEvents(agentId)).toEqual(log)
      const { run } = await apiOf(killed).resumeAgent(agentId, 'Say hello')
      expect((await runOver(killed, { agentId, runId: run.id })).data).toMatchObject({ summary: 'Hello.' })
      expect((await engine.inspect(agentId)).Id).toBe(container)
      expect((await engine.sh(agentId, RUNNERS)).output.trim()).toBe('1')
      const answer = await apiOf(killed).call('POST', `/api/agents/${agentId}/pull-request`)
      expect(answer).toMatchObject({ status: 200, body: { pullRequest: { action: 'updated' } } })
      await expectWorkDoneOnce(world, agentId)
      await expectOnePullRequest(world, agentId)

      const purged = await apiOf(killed).call('DELETE', `/api/agents/${agentId}?purge=true`)
      expect(purged.status).toBe(204)
      expect([...(await engine.containers(agentId)), ...(await engine.volumes(agentId))]).toEqual([])
      expect(await socketFolders()).toEqual(folders)
      expect(await ownerOf(agentId)).toBeUndefined()
    }
    it(`${victim}, ${delayMs} ms after event ${afterEvents} of a run: the other goes on`, survive, TEST_TIMEOUT_MS)
  }
})

it(
  'two control planes, of which one sleeps for longer than its lease: it wakes as one that holds nothing',
  async () => {
    const folders = await socketFolders()
    const work = await startWork()
    const { agentId } = work
    await untilMoment(work, random.whole(10, 30))
    const owner = await ownerOf(agentId)
    const { Id: container } = await engine.inspect(agentId)
    plane('first').pause()
    work.before.unwatch()
    // The run goes on until its words have no way out; the other brings one.
    const over = runOver('second', work)
    await expect.poll(() => ownerOf(agentId), { timeout: 60_000, interval: 250 }).not.toBe(owner)
    plane('first').unpause()
    expect((await over).data).toMatchObject({ reason: 'completed' })

    const world: ObservedWorld = { api: () => apiOf('second'), engine, query, outside }
    await expectUndisturbedLog(world, { ...work, mayContinue: false })
    await expectWorkDoneOnce(world, agentId)
    const { run } = await apiOf('first').resumeAgent(agentId, 'Say hello')
    expect((await runOver('first', { agentId, runId: run.id })).data).toMatchObject({ summary: 'Hello.' })
    expect((await engine.inspect(agentId)).Id).toBe(container)
    expect(await ownerOf(agentId)).not.toBe(owner)
    expect(await apiOf('first').call('DELETE', `/api/agents/${agentId}?purge=true`)).toMatchObject({ status: 204 })
    expect([...(await engine.containers(agentId)), ...(await engine.volumes(agentId))]).toEqual([])
    expect(await socketFolders()).toEqual(folders)
  },
  TEST_TIMEOUT_MS,
)
