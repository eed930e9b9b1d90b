/**
 * `npm run test:compose [-- <compose command>]`: docker-compose.yml for real. Builds, starts, signs in, lets an agent open a pull
 * request, kills the control plane in the middle, takes the database away, takes everything down and up again, and removes all.
 * The model and GitHub are the local stand-ins. Some minutes; one line a step.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rmdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeDuration } from '../../lib/composition/progress.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { runInterruptibly } from '../../scripts/run-interruptibly.ts'
import { wholeNumbers } from '../support/e2e-agent.ts'
import { createE2eApi, type E2eApi } from '../support/e2e-api.ts'
import { type E2eEngine, openE2eEngine } from '../support/e2e-engine.ts'
import { type Outside, startOutside } from '../support/e2e-outside.ts'
import { relayPorts } from './reachable.ts'
import { openServices, type Services } from './services.ts'
import { ensureImages } from './stand-in-images.ts'

const DEADLINE_MS = 60_000
const START_MS = 15 * 60_000
const POLL_MS = 250
/** Of every kind that has a meaning in an address or a .env file; `$` is Compose's own. */
const PASSWORD = 'p@s/s:w+r%d&x'
const EMPTY_DATA = 'rm -rf "$BERTH_DATA_DIR"'
const WAITING = 'echo begun; until test -e /tmp/go; do sleep 0.05; done; echo kept > kept.txt'

/** The host's address on the engine's own bridge: an engine that found the bridge made before it tells the subnet alone. */
async function findGateway(services: Services): Promise<string> {
  const format = '{{with index .IPAM.Config 0}}{{.Gateway}}|{{.Subnet}}{{end}}'
  const [gateway, subnet = ''] = (await services.docker('network', 'inspect', 'bridge', '--format', format)).split('|')
  return gateway || subnet.replace(/\.0\/\d+$/, '.1')
}

const say = (line: string) => void process.stdout.write(`${line}\n`)

interface Trial {
  services: Services
  /** The lines of .env. */
  env: Record<string, string>
  outside: Outside
  engine: E2eEngine
  dataDirectory: string
  url: string
}

async function step<T>(label: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work()
  say(`ok   ${label} (${describeDuration(performance.now() - began)})`)
  return result
}

/** Asks until the answer is the expected one. */
async function until<T>(what: string, ask: () => Promise<T>, expected: T, deadlineMs = DEADLINE_MS): Promise<void> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    const answer = await ask().catch((error: unknown) => String(error))
    if (answer === expected) return
    if (performance.now() > deadline) throw new Error(`${what}: ${JSON.stringify(answer)} instead of ${expected}.`)
    await sleep(POLL_MS)
  }
}

/** A start may have to make the agent image. */
const untilHealthy = (url: string) => until('health', () => healthOf(url), 200, START_MS)
const healthOf = async (url: string) => (await fetch(`${url}/api/health`)).status

async function tryEverything(trial: Trial): Promise<void> {
  const { services, url, engine, outside } = trial
  await step('up: the database and the control plane answer', async () => {
    await services.run('up', '--detach')
    await untilHealthy(url)
  })
  const token = await step(
    'the log shows the one-time link, `npm run token` prints a token and nothing else',
    async () => {
      const log = await services.run('logs', '--no-color', 'berth')
      const [link = ''] = log.stdout.match(new RegExp(`${url}/welcome\\?token=link_\\w+`)) ?? []
      assert.equal((await fetch(link)).status, 200)
      const { stdout } = await services.run('exec', '-T', 'berth', 'npm', 'run', 'token', '--', 'laptop')
      assert.match(stdout, /^berth_\w+\n$/)
      return stdout.trim()
    },
  )
  const api = createE2eApi({ baseUrl: url, token })
  await step('the database is the one of docker-compose.yml', () => checkDatabase(services))
  await step('`npm run doctor` finds the database, the engine and the image in order', async () => {
    const { stdout } = await services.tryWith(trial.env, 'exec', '-T', 'berth', 'npm', 'run', 'doctor')
    for (const check of ['Database', 'Docker engine', 'Agent image', 'Data folder']) {
      assert.match(stdout, new RegExp(`^\\+ ok +${check} `, 'm'), stdout)
    }
  })
  const agentId = await step('an agent works in a container beside the control plane', async () => {
    const agent = await api.createAgent({ githubRepo: sampleCase.repo, task: 'Work on while I am away.' })
    await api.startAgent(agent.id)
    const isWorking = async () => (await api.listEvents(agent.id)).some(({ type }) => type === 'tool_call')
    await until('the command at work', isWorking, true)
    const { Mounts } = await engine.inspect(agent.id)
    const socket = Mounts.find(({ Type }) => Type === 'bind')
    assert.ok(socket?.Source.startsWith(`${trial.dataDirectory}/data/sockets/`), `mounted: ${JSON.stringify(Mounts)}`)
    return agent.id
  })
  await step('kill -9 of the control plane: the agent works on, and ends with a pull request', async () => {
    await services.docker('kill', '--signal', 'KILL', await services.containerOf('berth'))
    await engine.exec(agentId, { user: '1000:1000', command: 'touch /tmp/go' })
    await services.run('up', '--detach')
    await untilHealthy(url)
    await until('the run', () => reasonOfLastRun(api, agentId), 'completed')
    await until('the agent', async () => (await api.getAgent(agentId)).status, 'READY')
    const events = await api.listEvents(agentId)
    assert.deepEqual(
      events.map(({ seq }) => seq),
      wholeNumbers(events),
    )
    assert.equal((await outside.forge.pullRequests(sampleCase.repo)).length, 1)
    assert.deepEqual(outside.model.unscripted, [])
  })
  await step('the database goes away and comes back: 503 with a reason, then as before', async () => {
    await services.run('stop', 'postgres')
    const { status, body } = await api.call<{ code: string }>('GET', `/api/agents/${agentId}`)
    assert.deepEqual([status, body.code], [503, 'database_unreachable'])
    assert.equal(await healthOf(url), 503)
    await services.run('start', 'postgres')
    await untilHealthy(url)
  })
  await step('down and up: agents, history and tokens are there, and the agent takes another instruction', async () => {
    const before = await api.listEvents(agentId)
    await services.run('down')
    assert.equal((await engine.containers(agentId)).length, 1)
    await services.run('up', '--detach')
    await untilHealthy(url)
    assert.deepEqual((await api.listEvents(agentId)).slice(0, before.length), before)
    await api.resumeAgent(agentId, 'Say that it is done.')
    await until('the second run', async () => (await api.listRuns(agentId)).length, 2)
    await until('the second run', () => reasonOfLastRun(api, agentId), 'completed')
  })
  await step('the agent is purged: no container, volume or socket is left', async () => {
    await api.deleteAgent(agentId, { purge: true })
    assert.deepEqual([await engine.containers(agentId), await engine.volumes(agentId)], [[], []])
  })
  await step('SIGTERM ends it by itself', async () => {
    const container = await services.containerOf('berth')
    await services.docker('stop', '--time', '10', container)
    assert.equal(await services.docker('inspect', '--format', '{{.State.ExitCode}}', container), '0')
  })
}

async function checkDatabase(services: Services): Promise<void> {
  const query = `SELECT count(*) FROM "ApiToken"`
  const psql = ['psql', '--username=berth', '--dbname=berth', '--tuples-only', '--no-align', `--command=${query}`]
  const { stdout } = await services.run('exec', '-T', 'postgres', ...psql)
  assert.equal(stdout.trim(), '1')
}

async function reasonOfLastRun(api: E2eApi, agentId: string): Promise<string | null> {
  return (await api.getAgent(agentId)).run?.reason ?? null
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

await runInterruptibly('trial of docker-compose.yml', async ({ signal }) => {
  await using made = new AsyncDisposableStack()
  const outside = await startOutside({
    script: [
      { text: 'I look first.', toolCalls: [{ ...runCommand(WAITING, 300), id: 'long' }] },
      { text: 'It is done.' },
      { text: 'It was done before.' },
    ],
  })
  made.defer(() => outside.close())
  const dataDirectory = await mkdtemp(path.join(os.tmpdir(), 'berth-compose-data-'))
  made.defer(() => rmdir(dataDirectory))
  const images = await ensureImages({ node: 'node:24-bookworm-slim', postgres: 'postgres:18', say, signal })
  made.defer(() => images.remove())
  const port = await findFreePort()
  const onHost = (url: string) => url.replace('127.0.0.1', 'host.docker.internal')
  const env = {
    POSTGRES_PASSWORD: PASSWORD,
    BERTH_NODE_IMAGE: images.node,
    BERTH_POSTGRES_IMAGE: images.postgres,
    BERTH_DATA_DIR: dataDirectory,
    PORT: String(port),
    GITHUB_TOKEN: outside.env.GITHUB_TOKEN ?? '',
    GITHUB_API_URL: onHost(outside.forge.apiUrl),
    GITHUB_URL: onHost(outside.forge.url),
    OPENROUTER_API_KEY: outside.env.OPENROUTER_API_KEY ?? '',
    OPENROUTER_BASE_URL: onHost(outside.model.url),
  }
  const services = await openServices(env, process.argv.slice(2))
  made.defer(() => services.remove())
  // The files in it are root's.
  made.defer(async () => void (await services.run('run', '--rm', '--no-deps', 'berth', 'sh', '-c', EMPTY_DATA)))
  say(`${services.version}`)
  const gateway = await findGateway(services)
  const ports = [outside.forge.url, outside.model.url].map((url) => Number(new URL(url).port))
  const relays = await relayPorts(gateway, ports)
  made.defer(() => relays.close())

  await step('without a password for the database it says which line is missing', async () => {
    const { exitCode, stderr } = await services.tryWith({ ...env, POSTGRES_PASSWORD: '' }, 'config')
    assert.notEqual(exitCode, 0)
    assert.match(stderr, /write a line POSTGRES_PASSWORD=\.\.\. into \.env/)
  })
  await step('the image of the control plane is built', () => services.run('build', 'berth'))
  const engine = openE2eEngine({ dockerHost: null, installationId: null })
  try {
    await tryEverything({ services, env, outside, engine, dataDirectory, url: `http://localhost:${port}` })
  } catch (error) {
    say((await services.run('logs', '--no-color', '--tail', '50')).stdout)
    throw error
  }
  say('Removing what it made ...')
})
