/**
 * What each route of the bridge does (container/contract/bridge.ts). Owns: turning a request into a call and its outcome into
 * an answer. Must not know: sockets, tokens.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import {
  attendCommand,
  type BridgeHealth,
  type BridgeStatus,
  type CloneMessage,
  cancelCommand,
  cloneCommand,
  commitCommand,
  executeCommand,
  MAX_EXECUTE_BYTES,
  PROTOCOL_VERSION,
  pushCommand,
  type SetupMessage,
  setupCommand,
} from '../../contract/bridge.ts'
import { toGitProblem } from '../git/git-problem.ts'
import type { GitWorkspace } from '../git/git-workspace.ts'
import type { Journal } from '../journal/journal.ts'
import { type Setup, SetupFailed } from '../setup/run-setup.ts'
import type { Tunnels } from '../tunnel/tunnels.ts'
import { streamEvents } from './event-stream.ts'
import type { ExecutorPort } from './executor-port.ts'
import { HttpProblem, toHttpProblem } from './problem.ts'
import { readJson } from './read-json.ts'

const MAX_BODY_BYTES = 1024 * 1024

export interface RouteContext {
  identity: { agentId: string; incarnation: string; bridgeVersion: string; startedAt: string }
  journal: Journal
  executor: ExecutorPort
  git: GitWorkspace
  setup: Setup
  tunnels: Tunnels
  runnerConnected: () => boolean
}

export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  /** Aborts when the client is gone before it was answered. */
  signal: AbortSignal
}

/** Answers the exchange, or throws what `toHttpProblem` knows. */
export type Route = (context: RouteContext, exchange: Exchange) => Promise<void>

export const routes: Record<string, Record<string, Route>> = {
  '/health': { GET: async (context, { response }) => sendJson(response, 200, await readHealth(context)) },
  '/agent/status': { GET: async (context, { response }) => sendJson(response, 200, await readStatus(context)) },
  '/agent/events': { GET: openEvents },
  '/agent/execute': { POST: execute },
  '/agent/cancel': {
    POST: async ({ executor }, exchange) => {
      const { runId } = await readSmall(exchange, cancelCommand)
      sendJson(exchange.response, 202, await executor.cancel(runId))
    },
  },
  '/agent/attend': {
    POST: async ({ executor }, exchange) => {
      const command = await readSmall(exchange, attendCommand)
      sendJson(exchange.response, 202, { attending: executor.attend(command) })
    },
  },
  '/workspace/state': {
    GET: async ({ git }, { response, signal }) => sendJson(response, 200, await git.state({ signal })),
  },
  '/workspace/clone': { POST: clone },
  '/workspace/setup': { POST: runSetup },
  '/workspace/commit': {
    POST: async ({ git }, exchange) => {
      const command = await readSmall(exchange, commitCommand)
      sendJson(exchange.response, 200, await git.commit(command, { signal: exchange.signal }))
    },
  },
  '/workspace/push': {
    POST: async ({ git }, exchange) => {
      const command = await readSmall(exchange, pushCommand)
      sendJson(exchange.response, 200, await git.push(command, { signal: exchange.signal }))
    },
  },
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  const body = JSON.stringify(value)
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

async function readHealth(context: RouteContext): Promise<BridgeHealth> {
  const { identity, journal, executor, tunnels } = context
  const connected = context.runnerConnected()
  return {
    protocol: PROTOCOL_VERSION,
    bridgeVersion: identity.bridgeVersion,
    incarnation: identity.incarnation,
    journalId: journal.journalId,
    lastN: journal.lastN,
    runner: { connected },
    tunnel: { control: tunnels.control.connected(), egress: tunnels.egress.connected() },
    run: executor.current(),
    workspace: { cloned: connected && (await isCloned(context.git)) },
  }
}

async function isCloned(git: GitWorkspace): Promise<boolean> {
  try {
    return await git.isCloned()
  } catch (error) {
    // A runner that went away or is too busy to say.
    if (toGitProblem(error)) return false
    throw error
  }
}

async function readStatus(context: RouteContext): Promise<BridgeStatus> {
  const { agentId, startedAt } = context.identity
  return { ...(await readHealth(context)), agentId, startedAt }
}

async function openEvents({ journal }: RouteContext, { url, response }: Exchange): Promise<void> {
  const after = Number(url.searchParams.get('after') ?? '0')
  if (!Number.isSafeInteger(after) || after < 0) {
    throw new HttpProblem(422, 'validation_failed', '`after` has to be the number of an event, or 0.')
  }
  const journalId = url.searchParams.get('journalId')
  // A peer that has stored more of this journal than there is would take the next events for ones it knows.
  if (journalId === journal.journalId && after > journal.lastN) {
    journal.renew(`${after} events of it are stored elsewhere, ${journal.lastN} are left`)
  }
  await streamEvents({ journal, response, position: { journalId, after } })
}

async function execute({ executor }: RouteContext, { request, response }: Exchange): Promise<void> {
  const command = await readJson(request, { schema: executeCommand, maxBytes: MAX_EXECUTE_BYTES })
  sendJson(response, 202, executor.begin(command))
}

async function clone({ git }: RouteContext, exchange: Exchange): Promise<void> {
  const { response, signal } = exchange
  const command = await readSmall(exchange, cloneCommand)
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache' })
  response.flushHeaders()
  const onMessage = (message: CloneMessage) => {
    if (!response.writableNeedDrain) response.write(`${JSON.stringify(message)}\n`)
  }
  const last = await git.clone(command, { signal, onMessage }).then(
    (result): CloneMessage => ({ result }),
    (error): CloneMessage => {
      const problem = toHttpProblem(error)
      if (!problem) throw error
      return { error: { code: problem.code, message: problem.message } }
    },
  )
  response.end(`${JSON.stringify(last)}\n`)
}

/** Output that nobody reads fast enough is left out; the end is always told. */
async function runSetup({ setup }: RouteContext, exchange: Exchange): Promise<void> {
  const { response, signal } = exchange
  const command = await readSmall(exchange, setupCommand)
  response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-cache' })
  response.flushHeaders()
  const send = (message: SetupMessage) => response.write(`${JSON.stringify(message)}\n`)
  const onOutput = (output: string) => {
    if (!response.writableNeedDrain) send({ output })
  }
  try {
    send({ result: await setup.run(command, { signal, onOutput }) })
  } catch (error) {
    const problem = toHttpProblem(error)
    if (error instanceof SetupFailed)
      send({ error: { code: 'start_failed', message: error.message, tail: error.tail } })
    else if (problem) send({ error: { code: problem.code, message: problem.message, tail: [] } })
    else throw error
  }
  response.end()
}

function readSmall<T extends z.ZodType>({ request }: Exchange, schema: T): Promise<z.infer<T>> {
  return readJson(request, { schema, maxBytes: MAX_BODY_BYTES })
}
