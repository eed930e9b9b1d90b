/**
 * A PostgreSQL server of one's own that comes late, goes away in the middle of a run and comes back: whoever asks is told, the
 * run goes on, and the log is as if nothing had happened.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../lib/config.ts'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { removeEmbeddedServer, startEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { watchAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { createE2eApi, type E2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import { type ControlPlaneProcess, makeToken, startControlPlaneProcess } from '../support/e2e-process.ts'
import { type PostgresFront, startPostgresFront } from '../support/postgres-front.ts'

const waitFor = (file: string) => `echo begun; until test -e ${file}; do sleep 0.05; done; echo kept >> kept.txt`
const RECOVERY = { timeout: 60_000, interval: 250 }

let outside: Outside
let base: string
let front: PostgresFront
let plane: ControlPlaneProcess
let api: E2eApi
let engine: E2eEngine
let agent: AgentView

const serverDirectory = () => path.join(base, 'server')

beforeAll(async () => {
  outside = await startOutside({
    script: [
      { text: 'First.', toolCalls: [{ ...runCommand(waitFor('/tmp/one'), 300), id: 'first' }] },
      { text: 'Second.', toolCalls: [{ ...runCommand('echo two'), id: 'second' }] },
      { text: 'Everything is done.' },
    ],
  })
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  await mkdir(serverDirectory())
  const server = await startEmbeddedServer({ dataDirectory: serverDirectory() })
  front = await startPostgresFront(server.url)
  const env = { ...outside.env, DATABASE_URL: front.url, BERTH_DATA_DIR: path.join(base, 'data') }
  engine = openE2eEngine({ dockerHost: readSettings(process.env).dockerHost, installationId: null })
  plane = await startControlPlaneProcess(env)
  api = createE2eApi({ baseUrl: plane.url, token: await makeToken(env) })
})
afterAll(async () => {
  await plane?.stop()
  if (agent !== undefined) await engine.removeAll(agent.id)
  await outside?.close()
  await front?.close()
  if (base === undefined) return
  await removeEmbeddedServer(serverDirectory())
  await rm(base, { recursive: true, force: true })
})

const health = async () => (await api.call('GET', '/api/health')).status

/** A command in the agent's container that nobody but the test gives. */
const inSandbox = (command: string) => engine.exec(agent.id, { user: '1000:1000', command })

describe('a database server that goes away in the middle of a run', () => {
  it('is told to whoever asks: 503, a code, and what to do', async () => {
    agent = await api.createAgent({ githubRepo: sampleCase.repo, task: 'Outlast it.' })
    await api.startAgent(agent.id)
    const reader = watchAgent({ api, agentId: agent.id })
    await reader.until('the command at work', ({ type }) => type === 'tool_output_delta')
    reader.unwatch()
    await front.cut()
    expect(await api.call('GET', `/api/agents/${agent.id}`)).toMatchObject({
      status: 503,
      body: {
        code: 'database_unreachable',
        detail: 'The database does not answer.',
        hint: 'Try again in a moment; if it stays, look at the database server.',
      },
    })
    expect(await api.call('GET', '/api/health')).toEqual({ status: 503, body: { status: 'degraded' } })
  })

  it('does not stop what runs in the sandbox', async () => {
    await inSandbox('touch /tmp/one')
    await expect.poll(() => inSandbox('cat /workspace/kept.txt'), { timeout: 10_000 }).toBe('kept\n')
  })

  it('takes the run up again when it is back, to its end', async () => {
    await front.restore()
    await expect.poll(health, RECOVERY).toBe(200)
    await expect
      .poll(async () => (await api.listRuns(agent.id)).map(({ status }) => status), RECOVERY)
      .toEqual(['ENDED'])
    await expect.poll(async () => (await api.getAgent(agent.id)).status, RECOVERY).toBe('READY')
  })

  it('loses and doubles nothing', async () => {
    const events = await api.listEvents(agent.id)
    const of = (type: string) => events.filter((event) => event.type === type).map(({ data }) => data)
    expect(events.map(({ seq }) => seq)).toEqual(wholeNumbers(events))
    expect(of('text').map(({ text }) => text)).toEqual(['First.', 'Second.', 'Everything is done.'])
    expect(of('tool_result').map(({ toolCallId, outcome }) => [toolCallId, outcome])).toEqual([
      ['first', 'ok'],
      ['second', 'ok'],
    ])
    expect(of('done')).toMatchObject([{ reason: 'completed', steps: 3 }])
    expect(await outside.forge.pullRequests(sampleCase.repo)).toHaveLength(1)
    expect(outside.model.unscripted).toEqual([])
  })

  it('while a sandbox is being made does not fail the agent: it is made when the database is back', async () => {
    const other = await api.createAgent({ githubRepo: sampleCase.repo, task: 'Begin.', autoPullRequest: false })
    await api.startAgent(other.id)
    await front.cut()
    await expect.poll(health, RECOVERY).toBe(503)
    await front.restore()
    await expect.poll(async () => (await api.getAgent(other.id)).run?.status, RECOVERY).toBe('RUNNING')
    const statuses = (await api.listEvents(other.id)).filter(({ type }) => type === 'status')
    expect(statuses.map(({ data }) => data.status)).not.toContain('FAILED')
    await api.deleteAgent(other.id, { purge: true })
  })
})
