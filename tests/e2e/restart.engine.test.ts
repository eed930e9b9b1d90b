/**
 * kill -9 of the control plane in the middle of a run: once while a command runs, once while the model speaks. The same run
 * goes on both times, and the log at its end is as if nothing had happened.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../lib/config.ts'
import type { AgentView, EventView } from '../../lib/services/agent/schemas.ts'
import { isProcessAlive } from '../../lib/store/embedded/postmaster.ts'
import { removeEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { watchAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { createE2eApi, type E2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, listSocketFolders, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import {
  type ControlPlaneProcess,
  findDatabasePid,
  makeToken,
  startControlPlaneProcess,
} from '../support/e2e-process.ts'

const WAITING = 'echo begun; until test -e /tmp/go; do sleep 0.05; done; echo kept > kept.txt; echo finished'

let outside: Outside
let base: string
let env: Record<string, string>
let plane: ControlPlaneProcess
let token: string
let engine: E2eEngine
let agent: AgentView
let container: string
let database: number | null
/** What readers saw, one list for each life of the control plane. */
const seen: EventView[][] = []

const api = (): E2eApi => createE2eApi({ baseUrl: plane.url, token })
const dataDirectory = () => path.join(base, 'data')

beforeAll(async () => {
  outside = await startOutside({
    script: [
      { text: 'I look first.', toolCalls: [{ ...runCommand('echo one'), id: 'first' }] },
      { text: 'Now something long.', toolCalls: [{ ...runCommand(WAITING, 300), id: 'long' }] },
      { text: 'I am in the middle of an answer that nobody will hear to its end.', hangAfterChunks: 3 },
      { text: 'The answer, whole.', toolCalls: [{ ...runCommand('echo two'), id: 'last' }] },
      { text: 'Everything is done.' },
    ],
  })
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  env = { ...outside.env, BERTH_DATA_DIR: dataDirectory() }
  engine = openE2eEngine({ dockerHost: readSettings(process.env).dockerHost, installationId: null })
  plane = await startControlPlaneProcess(env)
  token = await makeToken(env)
  database = await findDatabasePid(dataDirectory())
})
afterAll(async () => {
  await plane?.stop()
  if (agent !== undefined) await engine.removeAll(agent.id)
  await outside?.close()
  if (base === undefined) return
  await removeEmbeddedServer(dataDirectory())
  await rm(base, { recursive: true, force: true })
})

/** Watches until `test` fits, then kills the control plane and forgets the reader. */
async function killWhen(what: string, test: (event: EventView) => boolean): Promise<void> {
  const reader = watchAgent({ api: api(), agentId: agent.id })
  await reader.until(what, test)
  await plane.kill()
  reader.unwatch()
  seen.push(reader.events)
}

const isDelta = (type: string, words: string) => (event: EventView) =>
  event.type === type && String(event.data.delta).includes(words)

describe('kill -9 of the control plane', () => {
  it('while a command runs: the command ends by itself, and the run goes on with the next control plane', async () => {
    agent = await api().createAgent({ githubRepo: sampleCase.repo, task: 'Survive.' })
    await api().startAgent(agent.id)
    await killWhen('the command at work', isDelta('tool_output_delta', 'begun'))
    container = (await engine.inspect(agent.id)).Id
    await engine.exec(agent.id, { user: '1000:1000', command: 'touch /tmp/go' })
    await expect
      .poll(() => engine.exec(agent.id, { user: '1000:1000', command: 'cat /workspace/kept.txt' }), { timeout: 10_000 })
      .toBe('kept\n')
    expect(await isProcessAlive(database ?? 0)).toBe(true)
    plane = await startControlPlaneProcess(env)
    expect(await findDatabasePid(dataDirectory())).toBe(database)
  })

  it('while the model speaks: the answer is asked for again, and the run ends completed', async () => {
    await killWhen('the answer begun', isDelta('text_delta', 'I am in'))
    plane = await startControlPlaneProcess(env)
    const reader = watchAgent({ api: api(), agentId: agent.id })
    await reader.untilRunIsOver((await api().getAgent(agent.id)).run?.id ?? '')
    reader.unwatch()
    seen.push(reader.events)
    expect(await findDatabasePid(dataDirectory())).toBe(database)
    expect((await engine.inspect(agent.id)).Id).toBe(container)
  })

  it('loses and doubles no event: the log is that of a run that was never disturbed', async () => {
    const events = await api().listEvents(agent.id)
    const of = (type: string) => events.filter((event) => event.type === type).map(({ data }) => data)
    expect(events.map(({ seq }) => seq)).toEqual(wholeNumbers(events))
    expect(of('text').map(({ text }) => text)).toEqual([
      'I look first.',
      'Now something long.',
      'The answer, whole.',
      'Everything is done.',
    ])
    expect(of('thinking').map(({ step }) => step)).toEqual([1, 2, 3, 4])
    expect(of('tool_call').map(({ toolCallId }) => toolCallId)).toEqual(['first', 'long', 'last'])
    expect(of('tool_result').map(({ toolCallId, outcome }) => [toolCallId, outcome])).toEqual([
      ['first', 'ok'],
      ['long', 'ok'],
      ['last', 'ok'],
    ])
    for (const once of ['message', 'run_started', 'commit', 'push', 'pull_request']) expect(of(once)).toHaveLength(1)
    expect(of('done')).toMatchObject([{ reason: 'completed', steps: 4, summary: 'Everything is done.' }])
    expect(await api().listRuns(agent.id)).toMatchObject([{ status: 'ENDED', reason: 'completed', steps: 4 }])
  })

  it('shows every reader the same log, however much of it there was', async () => {
    const events = await api().listEvents(agent.id)
    expect(seen).toHaveLength(3)
    for (const part of seen) expect(part).toEqual(events.slice(0, part.length))
    expect(seen[2]).toHaveLength(events.length)
  })

  it('asks the model nothing twice but the answer that was cut, and pays for each answer once', async () => {
    const asked = outside.model.requests.filter(({ request }) => request !== null)
    expect(asked.map(({ reply }) => reply?.text?.slice(0, 7))).toEqual([
      'I look ',
      'Now som',
      'I am in',
      'The ans',
      'Everyth',
    ])
    expect(asked[3]?.request?.body.messages).toEqual(asked[2]?.request?.body.messages)
    expect(outside.model.unscripted).toEqual([])
    const usages = async () => (await api().listEvents(agent.id)).filter(({ type }) => type === 'usage')
    // The cut one too, by the provider's record of it.
    await expect.poll(async () => (await usages()).length, { timeout: 30_000 }).toBe(asked.length)
    expect((await usages()).map(({ data }) => data.complete)).toEqual(asked.map(() => true))
    expect(new Set((await usages()).map(({ data }) => data.modelCallId)).size).toBe(asked.length)
  })

  it('brings one pull request with the work of the whole run', async () => {
    const pulls = await outside.forge.pullRequests(sampleCase.repo)
    expect(pulls).toHaveLength(1)
    expect(pulls[0]?.diff).toContain('+++ b/kept.txt')
  })
})

describe('the end', () => {
  it('leaves neither containers nor volumes nor sockets after a purge, and no database after SIGTERM', async () => {
    await api().deleteAgent(agent.id, { purge: true })
    expect(await engine.containers(agent.id)).toEqual([])
    expect(await engine.volumes(agent.id)).toEqual([])
    expect(await listSocketFolders(dataDirectory())).toEqual([])
    expect(await plane.stop()).toBe(0)
    expect(await isProcessAlive(database ?? 0)).toBe(false)
  })
})
