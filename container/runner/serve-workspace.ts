/**
 * Answers the bridge's requests on one connection from a Workspace. Owns calls in flight, live output and cancellation;
 * when the connection ends, every call on it is cancelled, for nobody hears its answer. Must not know how connections are
 * made.
 */
import type { Duplex } from 'node:stream'
import type { Logger } from '../../lib/logger.ts'
import { type Workspace, WorkspaceError } from '../bridge/workspace-port.ts'
import { createLineReader } from '../contract/lines.ts'
import {
  type BridgeFrame,
  type BridgeHello,
  bridgeFrame,
  MAX_RUNNER_LINE_BYTES,
  RUNNER_PROTOCOL_VERSION,
  type RunnerFrame,
  type RunnerMethod,
  runnerMethods,
} from '../contract/runner.ts'
import { createLiveOutput } from './live-output.ts'

/** What a frame adds to its result. */
const LINE_MARGIN_BYTES = 100

export interface ServeOptions {
  socket: Duplex
  workspace: Workspace
  logger: Logger
  /** The bridge has taken this connection into use. */
  onAccepted?: (hello: BridgeHello) => void
}

/** Resolves when the connection has ended and every call on it is over. */
export async function serveWorkspace(options: ServeOptions): Promise<void> {
  const { socket, workspace, logger } = options
  const calls = new Map<number, { stop: AbortController; done: Promise<void> }>()
  const send = (frame: RunnerFrame) => {
    if (socket.writable) socket.write(`${JSON.stringify(frame)}\n`)
  }

  const onFrame = (frame: BridgeFrame) => {
    if ('hello' in frame) return options.onAccepted?.(frame.hello)
    if ('cancel' in frame) return calls.get(frame.cancel)?.stop.abort()
    const stop = new AbortController()
    const done = answer({ ...frame, workspace, signal: stop.signal, send, logger }).finally(() =>
      calls.delete(frame.id),
    )
    calls.set(frame.id, { stop, done })
  }

  const reader = createLineReader({
    maxBytes: MAX_RUNNER_LINE_BYTES,
    onLine: (line) => onFrame(bridgeFrame.parse(JSON.parse(line))),
  })
  const ended = new Promise<void>((resolve) => socket.once('close', resolve))
  socket.on('error', (error) => logger.debug('connection to the bridge failed', { error }))
  socket.on('data', (chunk: Uint8Array) => {
    try {
      if (!reader.push(chunk)) throw new Error(`the bridge sent a line of more than ${MAX_RUNNER_LINE_BYTES} bytes`)
    } catch (error) {
      logger.error('the bridge sent what this runner does not understand', { error })
      socket.destroy()
    }
  })
  send({ hello: { protocol: RUNNER_PROTOCOL_VERSION, pid: process.pid } })

  await ended
  for (const { stop } of calls.values()) stop.abort()
  await Promise.all([...calls.values()].map(({ done }) => done))
}

interface Call {
  id: number
  method: RunnerMethod
  params?: unknown
  workspace: Workspace
  signal: AbortSignal
  send(frame: RunnerFrame): void
  logger: Logger
}

async function answer(call: Call): Promise<void> {
  try {
    const result = await perform(call)
    assertFitsLine(call.method, result)
    call.send({ id: call.id, result })
  } catch (error) {
    if (!(error instanceof WorkspaceError)) call.logger.error('a call failed', { method: call.method, error })
    const code = error instanceof WorkspaceError ? error.code : 'failed'
    call.send({ id: call.id, error: { code, message: error instanceof Error ? error.message : String(error) } })
  }
}

/** An answer too long for a line (a folder of a million files, say) would cost the connection. */
function assertFitsLine(method: RunnerMethod, result: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(result ?? null))
  if (bytes + LINE_MARGIN_BYTES <= MAX_RUNNER_LINE_BYTES) return
  throw new WorkspaceError(
    'too_large',
    `The answer to ${method} has ${bytes} bytes, which is more than can be handed over.`,
  )
}

async function perform({ id, method, params, workspace, signal, send }: Call): Promise<unknown> {
  switch (method) {
    case 'stat':
      return workspace.stat(runnerMethods.stat.params.parse(params).path)
    case 'readFile': {
      const { path, maxBytes } = runnerMethods.readFile.params.parse(params)
      const file = await workspace.readFile(path, { maxBytes })
      return { ...file, bytes: toBase64(file.bytes) }
    }
    case 'writeFile': {
      const { path, bytes, expect } = runnerMethods.writeFile.params.parse(params)
      return workspace.writeFile(path, Buffer.from(bytes, 'base64'), expect === undefined ? {} : { expect })
    }
    case 'list':
      return workspace.list(runnerMethods.list.params.parse(params).path)
    case 'suggest': {
      const { path, limit } = runnerMethods.suggest.params.parse(params)
      return workspace.suggest(path, limit)
    }
    case 'run': {
      const live = createLiveOutput((chunk) => send({ id, chunk }))
      try {
        return await workspace.run(runnerMethods.run.params.parse(params), { signal, onOutput: live.push })
      } finally {
        live.end()
      }
    }
  }
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
