/**
 * The data folder is lost in the middle of a run, secret key and sockets with it; the database on a server of its own is not. The
 * start says so, and once a person has agreed the run goes on in a new container on the same volumes.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readSettings } from '../../lib/config.ts'
import { type EmbeddedServer, removeEmbeddedServer, startEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'
import { watchAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { createE2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, listSocketFolders, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import { type ControlPlaneProcess, makeToken, startControlPlaneProcess } from '../support/e2e-process.ts'

let base: string
let outside: Outside
let server: EmbeddedServer
let engine: E2eEngine
let plane: ControlPlaneProcess
let agentId: string | null = null

const dataDirectory = () => path.join(base, 'data')
const environment = () => ({ ...outside.env, DATABASE_URL: server.url, BERTH_DATA_DIR: dataDirectory() })

beforeAll(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  outside = await startOutside({
    script: [
      { text: 'I keep something.', toolCalls: [{ ...runCommand('echo kept > kept.txt'), id: 'keep' }] },
      { text: 'Now something long.', toolCalls: [{ ...runCommand('echo begun; sleep 300', 600), id: 'long' }] },
      { text: 'I look again.', toolCalls: [{ ...runCommand('cat kept.txt'), id: 'look' }] },
      { text: 'Everything is done.' },
    ],
  })
  server = await startEmbeddedServer({ dataDirectory: base })
  engine = openE2eEngine({ dockerHost: readSettings(process.env).dockerHost, installationId: null })
  plane = await startControlPlaneProcess(environment())
})
afterAll(async () => {
  await plane?.stop()
  if (agentId !== null) await engine.removeAll(agentId)
  await removeEmbeddedServer(base)
  await outside?.close()
  await rm(base, { recursive: true, force: true })
})

it('is said at the start, and the run goes on once, on its volumes', async () => {
  const token = await makeToken(environment())
  const api = () => createE2eApi({ baseUrl: plane.url, token })
  const { id } = await api().createAgent({ githubRepo: sampleCase.repo, task: 'Survive.' })
  agentId = id
  const { run } = await api().startAgent(id)
  const before = watchAgent({ api: api(), agentId: id })
  await before.until('the long command', ({ type, data }) => {
    return type === 'tool_output_delta' && String(data.delta).includes('begun')
  })
  await plane.kill()
  before.unwatch()
  const container = (await engine.inspect(id)).Id
  await rm(dataDirectory(), { recursive: true })

  await expect(startControlPlaneProcess(environment())).rejects.toThrow(
    /The secret key is not the one[\s\S]*npm run installation -- adopt/,
  )
  await promisify(execFile)(process.execPath, [path.join(projectDirectory, 'scripts/installation.ts'), 'adopt'], {
    env: { ...process.env, ...environment() },
  })
  plane = await startControlPlaneProcess(environment())
  const after = watchAgent({ api: api(), agentId: id })
  expect((await after.untilRunIsOver(run.id)).data).toMatchObject({ reason: 'completed' })
  after.unwatch()
  expect((await engine.inspect(id)).Id).not.toBe(container)
  expect(after.result('long').outcome).toBe('interrupted')
  expect(after.result('look')).toMatchObject({ outcome: 'ok', output: expect.stringContaining('kept') })
  const events = await api().listEvents(id)
  expect(events.map(({ seq }) => seq)).toEqual(wholeNumbers(events))
  expect(events.filter(({ type }) => type === 'done')).toHaveLength(1)
  expect(events.filter(({ type, data }) => type === 'run_started' && data.continued === true)).toHaveLength(1)

  await api().deleteAgent(id, { purge: true })
  expect([...(await engine.containers(id)), ...(await engine.volumes(id))]).toEqual([])
  expect(await listSocketFolders(dataDirectory())).toEqual([])
})
