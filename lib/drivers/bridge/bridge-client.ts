/**
 * The BridgeClient over connections that a sandbox driver dials: one connection a call, so that a long stream never holds up
 * a command. Owns: the wire of container/contract/bridge.ts. Must not know: how a connection is made, what an event means.
 */
import type { z } from 'zod'
import {
  attendAnswer,
  bridgeHealth,
  bridgeProblem,
  cancelAnswer,
  cloneMessage,
  commitAnswer,
  executeAnswer,
  pushAnswer,
  setupMessage,
  workspaceState,
} from '../../../container/contract/bridge.ts'
import { TUNNEL_UPGRADE } from '../../../container/contract/tunnel.ts'
import { type Clock, systemClock } from '../../clock.ts'
import { withinDeadline } from '../../deadline.ts'
import { BerthError, isBerthError } from '../../errors.ts'
import { readEventMessages } from './event-messages.ts'
import { readJsonLines } from './json-lines.ts'
import type { BridgeClient, BridgeMessage, BridgeTarget, ExecuteOutcome } from './port.ts'
import { type BridgeRequest, exchange, isSuccess, readAnswer, readJson, send, toBerthError } from './request.ts'

/** A bridge is up some 200 ms after its container, and a dial costs next to nothing: asked often at first, then less. */
const EAGER_DELAY_MS = 10
const EAGER_FOR_MS = 1_000
const MAX_DELAY_MS = 250
const ATTEMPT_TIMEOUT_MS = 5_000
/** Commands that a living bridge answers at once. */
const COMMAND_TIMEOUT_MS = 30_000
/** Longer than the bridge gives git itself, whose words are better than that it was late. */
const GIT_TIMEOUT_MS = 20 * 60_000

/** Every failure is a BerthError: `sandbox_lost` when the bridge cannot be reached, else the bridge's own code. */
export function createBridgeClient(target: BridgeTarget, clock: Clock = systemClock): BridgeClient {
  const ask = <T extends z.ZodType>(schema: T, input: BridgeRequest, timeoutMs = COMMAND_TIMEOUT_MS) =>
    inTime({ clock, input, timeoutMs }, async (timed) =>
      readAnswer(await send(target, timed), { schema, input: timed }),
    )
  const health: BridgeClient['health'] = (signal) => ask(bridgeHealth, { method: 'GET', path: '/health', signal })
  return {
    health,
    waitUntilReady: (timeoutMs, signal) => waitUntilReady({ health, clock, timeoutMs, signal }),
    execute: (command) => {
      const input = post('/agent/execute', command)
      return inTime({ clock, input, timeoutMs: COMMAND_TIMEOUT_MS }, (timed) => execute(target, timed))
    },
    cancel: (runId) => ask(cancelAnswer, post('/agent/cancel', { runId })),
    attend: async (command) => (await ask(attendAnswer, post('/agent/attend', command))).attending,
    workspaceState: (signal) => ask(workspaceState, { method: 'GET', path: '/workspace/state', signal }),
    clone: (command, signal) => lines(target, { path: '/workspace/clone', command, schema: cloneMessage, signal }),
    setup: (command, signal) => lines(target, { path: '/workspace/setup', command, schema: setupMessage, signal }),
    commit: (command, signal) => ask(commitAnswer, { ...post('/workspace/commit', command), signal }, GIT_TIMEOUT_MS),
    push: (command, signal) => ask(pushAnswer, { ...post('/workspace/push', command), signal }, GIT_TIMEOUT_MS),
    events: (position, signal, onPiece) => events(target, { position, signal, onPiece }),
    async openTunnel(kind, fence, signal) {
      const input: BridgeRequest = {
        method: 'GET',
        path: `/tunnel?kind=${kind}&fence=${fence}`,
        headers: { connection: 'Upgrade', upgrade: TUNNEL_UPGRADE },
        signal,
      }
      const answer = await inTime({ clock, input, timeoutMs: COMMAND_TIMEOUT_MS }, (timed) => exchange(target, timed))
      if (answer.upgraded) return answer.socket
      throw toBerthError(answer.response.statusCode ?? 0, await readJson(answer.response, input), input)
    },
  }
}

function post(path: string, body: unknown): BridgeRequest {
  return { method: 'POST', path, body }
}

/** A bridge that takes longer hangs. */
function inTime<T>(
  { clock, input, timeoutMs }: { clock: Clock; input: BridgeRequest; timeoutMs: number },
  work: (timed: BridgeRequest) => Promise<T>,
): Promise<T> {
  const { method, path, signal = new AbortController().signal } = input
  const late = new BerthError(
    'sandbox_lost',
    `The bridge did not answer ${method} ${path} within ${timeoutMs / 1_000} s.`,
    { details: { timeoutMs } },
  )
  return withinDeadline({ clock, ms: timeoutMs, signal, late }, (timed) => work({ ...input, signal: timed }))
}

async function waitUntilReady(input: {
  health: BridgeClient['health']
  clock: Clock
  timeoutMs: number
  signal: AbortSignal | undefined
}) {
  const { health, clock, timeoutMs, signal } = input
  const beganMs = clock.monotonicMs()
  const deadlineMs = beganMs + timeoutMs
  let cause: unknown
  let delayMs = EAGER_DELAY_MS
  for (;;) {
    signal?.throwIfAborted()
    const leftMs = deadlineMs - clock.monotonicMs()
    if (leftMs <= 0) {
      throw new BerthError('sandbox_lost', `The bridge did not answer within ${timeoutMs} ms.`, { cause })
    }
    const attempt = AbortSignal.timeout(Math.ceil(Math.min(leftMs, ATTEMPT_TIMEOUT_MS)))
    try {
      return await health(signal ? AbortSignal.any([signal, attempt]) : attempt)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      // A bridge that answers, but with a refusal, will not change its mind.
      if (isBerthError(error) && error.code !== 'sandbox_lost') throw error
      cause = error
    }
    const nowMs = clock.monotonicMs()
    if (nowMs - beganMs > EAGER_FOR_MS) delayMs = Math.min(delayMs * 2, MAX_DELAY_MS)
    await clock.sleep(Math.max(0, Math.min(delayMs, deadlineMs - nowMs)), signal)
  }
}

async function execute(target: BridgeTarget, input: BridgeRequest): Promise<ExecuteOutcome> {
  const response = await send(target, input)
  if (isSuccess(response))
    return { accepted: true, answer: await readAnswer(response, { schema: executeAnswer, input }) }
  const value = await readJson(response, input)
  const problem = bridgeProblem.safeParse(value)
  if (response.statusCode !== 409 || !problem.success) throw toBerthError(response.statusCode ?? 0, value, input)
  return { accepted: false, code: problem.data.code, message: problem.data.message }
}

/** An answer of JSON lines, of which the last has `result` or `error`. */
async function* lines<T extends z.ZodType<object>>(
  target: BridgeTarget,
  call: { path: string; command: unknown; schema: T; signal: AbortSignal | undefined },
): AsyncGenerator<z.infer<T>> {
  const { path, command, schema, signal } = call
  const input: BridgeRequest = { ...post(path, command), signal }
  const response = await send(target, input)
  if (!isSuccess(response)) throw toBerthError(response.statusCode ?? 0, await readJson(response, input), input)
  let ended = false
  try {
    for await (const line of readJsonLines(response)) {
      const message = schema.parse(line)
      ended = 'result' in message || 'error' in message
      yield message
    }
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw new BerthError('sandbox_lost', `The connection to the bridge broke during ${path}.`, { cause: error })
  } finally {
    response.destroy()
  }
  if (!ended) throw new BerthError('sandbox_lost', `The connection to the bridge ended during ${path}.`)
}

async function* events(
  target: BridgeTarget,
  input: {
    position: { journalId: string | null; after: number }
    signal: AbortSignal
    onPiece: ((bytes: number) => Promise<void>) | undefined
  },
): AsyncGenerator<BridgeMessage> {
  const { position, signal, onPiece } = input
  const query = new URLSearchParams({ after: String(position.after) })
  if (position.journalId !== null) query.set('journalId', position.journalId)
  const request: BridgeRequest = { method: 'GET', path: `/agent/events?${query}`, signal }
  const response = await send(target, request).catch((error) => {
    if (signal.aborted) return null
    throw error
  })
  if (!response) return
  if (!isSuccess(response)) throw toBerthError(response.statusCode ?? 0, await readJson(response, request), request)
  try {
    yield* readEventMessages(whileConnected(response, onPiece))
  } finally {
    response.destroy()
  }
}

/** The chunks until the connection ends, in whatever way: for a stream without end a cut is the end. */
async function* whileConnected(
  response: AsyncIterable<Buffer> & { errored: Error | null },
  onPiece: ((bytes: number) => Promise<void>) | undefined,
): AsyncGenerator<Buffer> {
  try {
    for await (const piece of response) {
      await onPiece?.(piece.length)
      yield piece
    }
  } catch (error) {
    if (response.errored !== error) throw error
  }
}
