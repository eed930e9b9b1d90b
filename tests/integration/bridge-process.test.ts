import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createBridgeClient } from '../../lib/drivers/bridge/bridge-client.ts'
import type { BridgeClient, BridgeMessage } from '../../lib/drivers/bridge/port.ts'
import { dial, sampleCommand } from '../support/bridge-rig.ts'

const root = path.resolve(import.meta.dirname, '../..')
const TOKEN = 'a-token'

let directory: string
let children: ChildProcess[]
let client: BridgeClient

beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'berth-process-'))
  mkdirSync(path.join(directory, 'workspace'))
  mkdirSync(path.join(directory, 'outputs'))
  children = []
  client = createBridgeClient({ token: TOKEN, dial: () => dial(path.join(directory, 'bridge.sock')) })
})

afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL')
  rmSync(directory, { recursive: true })
})

function start(program: 'bridge' | 'runner', changes: Record<string, string> = {}): ChildProcess {
  const child = spawn(process.execPath, [path.join(root, 'container', program, 'main.ts')], {
    env: {
      ...process.env,
      BERTH_AGENT_ID: 'agt_test',
      BERTH_INCARNATION: 'inc_test',
      BERTH_TOKEN_SHA256: createHash('sha256').update(TOKEN).digest('hex'),
      BERTH_SOCKET: path.join(directory, 'bridge.sock'),
      BERTH_RUNNER_SOCKET: path.join(directory, 'runner.sock'),
      BERTH_STATE: path.join(directory, 'state'),
      BERTH_PROXY_PORT: '0',
      BERTH_WORKSPACE: path.join(directory, 'workspace'),
      BERTH_OUTPUT_DIRECTORY: path.join(directory, 'outputs'),
      ...changes,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit')
    child.kill(signal)
    await exited
  }
  return child.exitCode
}

async function output(child: ChildProcess): Promise<string> {
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
  }
  await once(child, 'close')
  return text
}

describe('the process of the bridge', () => {
  it('answers, sees its runner come, and ends at once when it is told to', async () => {
    const bridge = start('bridge')
    const said = output(bridge)
    expect(await client.waitUntilReady(15_000)).toMatchObject({ protocol: 1, incarnation: 'inc_test', lastN: 0 })
    start('runner')
    await expect.poll(async () => (await client.health()).runner.connected, { timeout: 10_000 }).toBe(true)
    const began = performance.now()
    expect(await end(bridge, 'SIGTERM')).toBe(0)
    expect(performance.now() - began).toBeLessThan(2_000)
    expect(await said).toContain('"message":"The bridge answers."')
  })

  it('names everything that is wrong with its environment', async () => {
    const bridge = start('bridge', { BERTH_AGENT_ID: '', BERTH_TOKEN_SHA256: 'not a hash' })
    const said = await output(bridge)
    expect(bridge.exitCode).toBe(1)
    expect(said).toContain('BERTH_AGENT_ID: ')
    expect(said).toContain('BERTH_TOKEN_SHA256: must be a SHA-256 in hex')
  })

  it('goes on with its journal after a kill, in the place of its own socket', async () => {
    const first = start('bridge')
    start('runner')
    await client.waitUntilReady(15_000)
    expect(await client.execute(sampleCommand)).toMatchObject({ accepted: true })
    await expect.poll(async () => (await client.health()).lastN, { timeout: 10_000 }).toBeGreaterThan(0)
    const before = await client.health()
    await end(first, 'SIGKILL')

    start('bridge')
    const after = await client.waitUntilReady(15_000)
    expect(after.journalId).toBe(before.journalId)
    expect(after.lastN).toBeGreaterThanOrEqual(before.lastN)
    expect(after.run).toBeNull()
    const types = await firstEvents(2)
    expect(types[1]).toMatchObject({ kind: 'event', event: { n: 1, type: 'run_started' } })
  })

  it('begins an empty journal when its last line was torn', async () => {
    mkdirSync(path.join(directory, 'state'))
    writeFileSync(
      path.join(directory, 'state', 'journal.ndjson'),
      '{"journalId":"jnl_old","format":1,"createdAt":"x"}\n{"n":1',
    )
    start('bridge')
    const health = await client.waitUntilReady(15_000)
    expect(health.journalId).not.toBe('jnl_old')
    expect(health.lastN).toBe(0)
  })
})

async function firstEvents(count: number): Promise<BridgeMessage[]> {
  const messages: BridgeMessage[] = []
  const abort = new AbortController()
  for await (const message of client.events({ journalId: null, after: 0 }, abort.signal)) {
    messages.push(message)
    if (messages.length === count) break
  }
  abort.abort()
  return messages
}
