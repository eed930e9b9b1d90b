/** A whole bridge in this process, on a socket in a temporary folder, with a plain executor and a real workspace. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { CONTAINER } from '../../container/bridge/executor/system-prompt.ts'
import type { ExecutorPort } from '../../container/bridge/server/executor-port.ts'
import { type Bridge, type ExecutorParts, startBridge } from '../../container/bridge/start-bridge.ts'
import type { ExecuteCommand } from '../../container/contract/bridge.ts'
import { systemClock } from '../../lib/clock.ts'
import { createBridgeClient } from '../../lib/drivers/bridge/bridge-client.ts'
import type { BridgeClient, BridgeTarget } from '../../lib/drivers/bridge/port.ts'
import { randomIds } from '../../lib/ids.ts'
import { type Logger, silentLogger } from '../../lib/logger.ts'
import { makeTestWorkspace, type TestWorkspace } from './local-workspace.ts'

export interface BridgeRig {
  bridge: Bridge
  client: BridgeClient
  target: BridgeTarget
  /** What the executor was given. */
  parts: ExecutorParts
  /** Commands that the executor was given. */
  begun: ExecuteCommand[]
  executor: ExecutorPort
  test: TestWorkspace
  directory: string
  socketPath: string
  proxyUrl: string
  /** Ends the bridge and starts another on the same folders. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface RigOptions {
  createExecutor?: (parts: ExecutorParts) => ExecutorPort
  logger?: Logger
}

export async function startBridgeRig(options: RigOptions = {}): Promise<BridgeRig> {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'berth-bridge-'))
  const socketPath = path.join(directory, 'bridge.sock')
  const token = 'the token of this incarnation'.replaceAll(' ', '-')
  const test = await makeTestWorkspace()
  const target: BridgeTarget = { token, dial: () => dial(socketPath) }
  const begun: ExecuteCommand[] = []
  const made: { parts?: ExecutorParts; executor?: ExecutorPort } = {}
  const start = () =>
    startBridge({
      config: {
        agentId: 'agt_test',
        incarnation: 'inc_test',
        tokenSha256: createHash('sha256').update(token).digest('hex'),
        socketPath,
        runnerSocketPath: '/nowhere',
        stateDirectory: path.join(directory, 'state'),
        proxyPort: 0,
        place: CONTAINER,
        logLevel: 'error',
      },
      version: '0.0.0-test',
      clock: systemClock,
      ids: randomIds,
      logger: options.logger ?? silentLogger,
      openRunner: async () => ({ workspace: test.workspace, connected: () => true, close: async () => {} }),
      createExecutor(parts) {
        made.parts = parts
        made.executor = options.createExecutor?.(parts) ?? createPlainExecutor(begun)
        return made.executor
      },
    })
  let bridge = await start()
  const rig: BridgeRig = {
    get bridge() {
      return bridge
    },
    client: createBridgeClient(target),
    target,
    get parts() {
      return required(made.parts)
    },
    begun,
    get executor() {
      return required(made.executor)
    },
    test,
    directory,
    socketPath,
    get proxyUrl() {
      return `http://127.0.0.1:${bridge.proxyPort}`
    },
    async restart() {
      await bridge.close()
      bridge = await start()
    },
    async close() {
      await bridge.close()
      rmSync(directory, { recursive: true })
      test.remove()
    },
  }
  return rig
}

function createPlainExecutor(begun: ExecuteCommand[]): ExecutorPort {
  let current: { id: string; step: number } | null = null
  return {
    begin(command) {
      if (current?.id === command.runId) return { runId: command.runId, joined: true }
      if (current) throw Object.assign(new Error(`Run ${current.id} is in progress.`), { code: 'run_in_progress' })
      begun.push(command)
      current = { id: command.runId, step: 1 }
      return { runId: command.runId, joined: false }
    },
    attend: ({ runId }) => current?.id === runId,
    async cancel(runId) {
      const ended = current?.id === runId
      if (ended) current = null
      return { ended }
    },
    current: () => current,
  }
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('The bridge has not made its executor yet.')
  return value
}

export function dial(socketPath: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

export const sampleCommand: ExecuteCommand = {
  runId: 'run_1',
  continued: false,
  input: { eventId: 'evt_1', text: 'Fix the failing test.' },
  agent: {
    name: 'sample',
    repository: 'octo/sample',
    sourceBranch: 'main',
    targetBranch: 'berth/fix',
    instructions: null,
  },
  model: { id: 'anthropic/claude-sonnet-4.6', contextTokens: 200_000, maxOutputTokens: null },
  limits: { maxSteps: 15, maxTokens: null, maxCostUsd: null, maxDurationMs: 60_000 },
  tools: { allow: null, commandTimeoutMs: 30_000 },
  stored: { journalId: null, n: 0 },
}
