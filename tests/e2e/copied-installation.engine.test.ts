/**
 * An installation whose data folder and database are copied, and started beside the first on the same engine: the copy is refused
 * until a person says what it is; as an installation of its own it touches nothing of the first.
 */
import { execFile } from 'node:child_process'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readSettings } from '../../lib/config.ts'
import { type EmbeddedServer, removeEmbeddedServer, startEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'
import { watchAgent } from '../support/e2e-agent.ts'
import { createE2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import { type ControlPlaneProcess, makeToken, startControlPlaneProcess } from '../support/e2e-process.ts'

const WAITING = 'echo begun; until test -e /tmp/go; do sleep 0.05; done; echo finished'

let base: string
let outside: Outside
let server: EmbeddedServer
let engine: E2eEngine
let original: ControlPlaneProcess
let copy: ControlPlaneProcess | null = null
let token: string
let agentId: string | null = null

const originalFolder = () => path.join(base, 'original')
const copyFolder = () => path.join(base, 'copy')
const copyUrl = () => {
  const url = new URL(server.url)
  url.pathname = '/berth_copy'
  return url.href
}
const environment = (dataDirectory: string, databaseUrl: string) => ({
  ...outside.env,
  DATABASE_URL: databaseUrl,
  BERTH_DATA_DIR: dataDirectory,
  IDLE_SLEEP_AFTER: 'never',
})
const originalEnvironment = () => environment(originalFolder(), server.url)
const copyEnvironment = () => environment(copyFolder(), copyUrl())

beforeAll(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  outside = await startOutside({
    script: [
      { text: 'Something long.', toolCalls: [{ ...runCommand(WAITING, 300), id: 'long' }] },
      { text: 'Everything is done.' },
    ],
  })
  server = await startEmbeddedServer({ dataDirectory: base })
  engine = openE2eEngine({ dockerHost: readSettings(process.env).dockerHost, installationId: null })
  original = await startControlPlaneProcess(originalEnvironment())
  token = await makeToken(originalEnvironment())
})
afterAll(async () => {
  await copy?.stop()
  await original?.stop()
  if (agentId !== null) await engine.removeAll(agentId)
  await removeEmbeddedServer(base)
  await outside?.close()
  await rm(base, { recursive: true, force: true })
})

/** With nobody on it, as a server's own copy wants it. */
async function copyDatabase(): Promise<void> {
  const url = new URL(server.url)
  const name = url.pathname.slice(1)
  url.pathname = '/postgres'
  const client = new pg.Client({ connectionString: url.href })
  await client.connect()
  await client.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [name])
  await client.query(`CREATE DATABASE berth_copy TEMPLATE "${name}"`)
  await client.end()
}

it('is refused beside the first, and as an installation of its own leaves the first alone', async () => {
  const api = createE2eApi({ baseUrl: original.url, token })
  const { id } = await api.createAgent({ githubRepo: sampleCase.repo, task: 'Be copied.' })
  agentId = id
  const { run } = await api.startAgent(id)
  const before = watchAgent({ api, agentId: id })
  await before.until('the command at work', ({ type, data }) => {
    return type === 'tool_output_delta' && String(data.delta).includes('begun')
  })
  await original.kill()
  before.unwatch()
  await copyDatabase()
  await cp(originalFolder(), copyFolder(), { recursive: true, filter: (file) => !file.endsWith('/sockets') })
  original = await startControlPlaneProcess(originalEnvironment())
  const again = createE2eApi({ baseUrl: original.url, token })
  const container = (await engine.inspect(id)).Id

  const refused = startControlPlaneProcess(copyEnvironment())
  await expect(refused).rejects.toThrow(/it was moved, restored or copied[\s\S]*npm run installation -- separate/)

  const separate = promisify(execFile)(
    process.execPath,
    [path.join(projectDirectory, 'scripts/installation.ts'), 'separate'],
    { env: { ...process.env, ...copyEnvironment() } },
  )
  expect((await separate).stdout).toBe(
    'This is an installation of its own now, with 1 agents that have no sandbox yet.\n',
  )
  copy = await startControlPlaneProcess(copyEnvironment())
  const copyApi = createE2eApi({ baseUrl: copy.url, token })
  expect(await copyApi.getAgent(id)).toMatchObject({ status: 'IDLE', run: { reason: 'sandbox_lost' } })
  expect((await copyApi.call<{ strays: unknown[] }>('GET', '/api/health')).body.strays).toEqual([])

  expect((await engine.inspect(id)).Id).toBe(container)
  await engine.exec(id, { user: '1000:1000', command: 'touch /tmp/go' })
  const after = watchAgent({ api: again, agentId: id })
  expect((await after.untilRunIsOver(run.id)).data).toMatchObject({ reason: 'completed' })
  after.unwatch()
  expect((await again.listRuns(id)).length).toBe(1)

  await copyApi.deleteAgent(id, { purge: true })
  expect((await engine.inspect(id)).Id).toBe(container)
  await again.deleteAgent(id, { purge: true })
  expect([...(await engine.containers(id)), ...(await engine.volumes(id))]).toEqual([])
})
