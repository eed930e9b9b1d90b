/**
 * One connection from a runner: its hello, the calls in flight on it, its end. Owns the rule that the peer may only answer:
 * a line that is malformed, too long, out of turn or for no call closes the connection, and every call in flight on it
 * rejects with `runner_lost`. Must not know how connections come about, nor which one is in use.
 */
import type { Socket } from 'node:net'
import type { Clock } from '../../../lib/clock.ts'
import { createLineReader } from '../../contract/lines.ts'
import {
  type BridgeFrame,
  MAX_LIVE_OUTPUT_CHARS,
  MAX_RUNNER_LINE_BYTES,
  RUNNER_PROTOCOL_VERSION,
  type RunnerFrame,
  type RunnerMethod,
  type RunnerParams,
  type RunnerResult,
  runnerFrame,
  runnerMethods,
} from '../../contract/runner.ts'
import { WorkspaceError } from '../workspace-port.ts'

/** How long a connection may take to say hello. */
export const HELLO_TIMEOUT_MS = 5_000
/** A cancelled command that has not answered by then has a runner that does not answer at all. */
const CANCEL_ANSWER_MS = 5_000
/** Requests that a peer does not read are held up to here; then it counts as gone. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024

export interface RunnerCall<M extends RunnerMethod> {
  method: M
  params: RunnerParams<M>
  /** The runner is given up when it has not answered by then. */
  deadlineMs: number
  /** Aborting asks the runner to end the call; the call still settles by its answer. */
  signal?: AbortSignal
  onChunk?: (chunk: string) => void
}

export interface RunnerConnection {
  /** Rejects with WorkspaceError: the runner's own, or `runner_lost`. */
  call<M extends RunnerMethod>(call: RunnerCall<M>): Promise<RunnerResult<M>>
  /** Tells the peer that this connection is in use, and where the proxy listens. Before that it is asked nothing. */
  accept(proxyPort: number): void
  close(reason: string): void
}

export interface RunnerConnectionOptions {
  socket: Socket
  clock: Clock
  /** The peer said a hello of our protocol. */
  onHello(connection: RunnerConnection): void
  /** Called once, however it ended, with why. */
  onClose(connection: RunnerConnection, reason: string): void
}

interface CallInFlight {
  method: RunnerMethod
  resolve(value: unknown): void
  reject(error: WorkspaceError): void
  onChunk: ((chunk: string) => void) | undefined
  chunkChars: number
}

export function createRunnerConnection(options: RunnerConnectionOptions): RunnerConnection {
  const { socket, clock } = options
  const inFlight = new Map<number, CallInFlight>()
  let state: 'new' | 'waiting' | 'in_use' | 'closed' = 'new'
  let nextId = 1
  const stopHelloTimer = after(clock, HELLO_TIMEOUT_MS, () => close('it did not say hello in time'))

  const send = (frame: BridgeFrame) => write(JSON.stringify(frame))
  const write = (line: string) => {
    socket.write(`${line}\n`)
    if (socket.writableLength > MAX_UNREAD_BYTES) close('it does not read what it is sent')
  }

  function close(reason: string) {
    if (state === 'closed') return
    state = 'closed'
    stopHelloTimer()
    socket.destroy()
    for (const call of inFlight.values()) call.reject(runnerLost(call.method, reason))
    inFlight.clear()
    options.onClose(connection, reason)
  }

  function onFrame(frame: RunnerFrame) {
    if ('hello' in frame) return onHello(frame.hello.protocol)
    const call = state === 'in_use' ? inFlight.get(frame.id) : undefined
    if (call === undefined) return close(`it answered a call (${frame.id}) that is not in flight`)
    if ('chunk' in frame) return onChunk(call, frame.chunk)
    if ('error' in frame) {
      inFlight.delete(frame.id)
      return call.reject(new WorkspaceError(frame.error.code, frame.error.message))
    }
    const result = runnerMethods[call.method].result.safeParse(frame.result)
    if (!result.success) return close(`its answer to ${call.method} has another shape than agreed`)
    inFlight.delete(frame.id)
    call.resolve(result.data)
  }

  function onHello(protocol: number) {
    if (state !== 'new') return close('it said hello twice')
    if (protocol !== RUNNER_PROTOCOL_VERSION) {
      return close(`it speaks protocol ${protocol}, this bridge speaks ${RUNNER_PROTOCOL_VERSION}`)
    }
    state = 'waiting'
    stopHelloTimer()
    options.onHello(connection)
  }

  function onChunk(call: CallInFlight, chunk: string) {
    call.chunkChars += chunk.length
    // Twice what a runner streams: only a peer that is no runner gets there.
    if (call.chunkChars > 2 * MAX_LIVE_OUTPUT_CHARS) return close('it floods a call with output')
    call.onChunk?.(chunk)
  }

  const reader = createLineReader({
    maxBytes: MAX_RUNNER_LINE_BYTES,
    onLine: (line) => {
      if (state === 'closed') return
      const frame = parseFrame(line)
      if (frame === null) close('it sent a line that is no frame of the protocol')
      else onFrame(frame)
    },
  })
  socket.on('data', (chunk) => {
    if (!reader.push(chunk)) close(`it sent a line of more than ${MAX_RUNNER_LINE_BYTES} bytes`)
  })
  socket.on('error', (error) => close(`its connection failed: ${error.message}`))
  socket.on('close', () => close('it closed the connection'))

  const connection: RunnerConnection = {
    close,
    accept(proxyPort) {
      if (state !== 'waiting') return
      state = 'in_use'
      send({ hello: { protocol: RUNNER_PROTOCOL_VERSION, proxyPort } })
    },
    async call({ method, params, deadlineMs, signal, onChunk: onCallChunk }) {
      if (state !== 'in_use') throw runnerLost(method, 'the connection is closed')
      const id = nextId
      nextId += 1
      const line = JSON.stringify({ id, method, params } satisfies BridgeFrame)
      if (Buffer.byteLength(line) > MAX_RUNNER_LINE_BYTES) {
        throw new WorkspaceError(
          'too_large',
          `What ${method} was given is more than can be handed to the workspace at once.`,
        )
      }
      const answer = Promise.withResolvers<unknown>()
      inFlight.set(id, { method, ...answer, onChunk: onCallChunk, chunkChars: 0 })
      const stopDeadline = after(clock, deadlineMs, () => close(`it did not answer ${method} within ${deadlineMs} ms`))
      let stopCancelTimer = () => {}
      const onAbort = () => {
        if (!inFlight.has(id)) return
        send({ cancel: id })
        stopCancelTimer = after(clock, CANCEL_ANSWER_MS, () => close('it did not answer a cancelled call'))
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      try {
        write(line)
        if (signal?.aborted) onAbort()
        return (await answer.promise) as RunnerResult<typeof method>
      } finally {
        stopDeadline()
        stopCancelTimer()
        signal?.removeEventListener('abort', onAbort)
      }
    },
  }
  return connection
}

/** A frame of the runner, or null for anything else. */
function parseFrame(line: string): RunnerFrame | null {
  try {
    const parsed = runnerFrame.safeParse(JSON.parse(line))
    return parsed.success ? parsed.data : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

export function runnerLost(method: string, reason: string): WorkspaceError {
  return new WorkspaceError(
    'runner_lost',
    `The process that works in the workspace went away during ${method} (${reason}). Whether the call took effect is ` +
      'unknown: look before doing it again.',
  )
}

/** Calls `action` after `ms`, unless the returned function is called first. */
function after(clock: Clock, ms: number, action: () => void): () => void {
  const stop = new AbortController()
  clock.sleep(ms, stop.signal).then(action, (error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  return () => stop.abort()
}
