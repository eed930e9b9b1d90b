/**
 * The bridge's end of the runner's wire: listens on the socket, keeps the one connection that is in use, and is the
 * Workspace that the tools are given. Survives any runner: calls in flight reject with `runner_lost`, new ones wait a while
 * for the next runner. Must not know tools, the loop, or who starts a runner again (the sandbox driver does).
 */
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import type { Clock } from '../../../lib/clock.ts'
import { systemClock } from '../../../lib/clock.ts'
import type { Logger } from '../../../lib/logger.ts'
import { MAX_RUNNER_FILE_BYTES, type RunnerMethod, type RunnerParams } from '../../contract/runner.ts'
import { type CommandResult, type Workspace, WorkspaceError } from '../workspace-port.ts'
import { createRunnerConnection, type RunnerConnection } from './runner-connection.ts'

/** How long a call waits for a runner to come (back). */
const RUNNER_WAIT_MS = 15_000
/** Deadline of every call but `run`. */
const CALL_DEADLINE_MS = 60_000
/** What a command gets beyond its own timeout: grace, drain, and a busy machine. */
const COMMAND_MARGIN_MS = 15_000
/** One in use, some waiting to say hello; more are turned away at the door. */
const MAX_CONNECTIONS = 8

export interface RunnerLinkOptions {
  /** The socket is made with mode 0666 in a directory that only the bridge's user writes. */
  socketPath: string
  /** Of the bridge's own proxy: each runner is told. */
  proxyPort: number
  logger: Logger
  clock?: Clock
  runnerWaitMs?: number
}

export interface RunnerLink {
  workspace: Workspace
  /** A runner is there and answers to its name. */
  connected(): boolean
  /** Ends the connection and the socket; calls in flight reject with `runner_lost`. */
  close(): Promise<void>
}

/** Listens at `socketPath` and resolves at once, runner or not. Rejects when the socket cannot be made. */
export async function createRunnerLink(options: RunnerLinkOptions): Promise<RunnerLink> {
  const { logger, clock = systemClock, runnerWaitMs = RUNNER_WAIT_MS } = options
  const open = new Set<RunnerConnection>()
  let inUse: RunnerConnection | null = null
  let arrival = Promise.withResolvers<void>()

  const server = createServer((socket) => {
    open.add(
      createRunnerConnection({
        socket,
        clock,
        onHello(connection) {
          // First come stays: a process that dials in beside a living runner takes nothing from it.
          if (inUse !== null) return connection.close('another runner is in use')
          inUse = connection
          connection.accept(options.proxyPort)
          logger.info('runner connected')
          arrival.resolve()
        },
        onClose(connection, reason) {
          open.delete(connection)
          if (inUse !== connection) return logger.debug('a connection to the runner socket was closed', { reason })
          inUse = null
          arrival = Promise.withResolvers<void>()
          logger.warn('runner lost', { reason })
        },
      }),
    )
  })
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, options.socketPath)

  /** The connection in use, or the next one; null when none came in time or the signal ended the wait. */
  async function findRunner(signal?: AbortSignal): Promise<RunnerConnection | null> {
    if (inUse !== null || signal?.aborted) return inUse
    const stop = new AbortController()
    const endWait = () => stop.abort()
    signal?.addEventListener('abort', endWait, { once: true })
    const waited = clock.sleep(runnerWaitMs, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) throw error
    })
    await Promise.race([arrival.promise, waited])
    stop.abort()
    signal?.removeEventListener('abort', endWait)
    return inUse
  }

  const call: CallRunner = async (request) => {
    const runner = await findRunner(request.signal)
    if (runner === null) {
      throw new WorkspaceError(
        'runner_lost',
        `The process that works in the workspace is not running, and did not come back within ${runnerWaitMs} ms. ` +
          `${request.method} was not begun.`,
      )
    }
    return runner.call(request)
  }

  return {
    workspace: createRemoteWorkspace(call),
    connected: () => inUse !== null,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const connection of open) connection.close('the bridge is closing')
      await closed
    },
  }
}

type CallRunner = RunnerConnection['call']

function createRemoteWorkspace(call: CallRunner): Workspace {
  const ask = <M extends RunnerMethod>(method: M, params: RunnerParams<M>) =>
    call({ method, params, deadlineMs: CALL_DEADLINE_MS })
  return {
    stat: (path) => ask('stat', { path }),
    async readFile(path, { maxBytes }) {
      const file = await ask('readFile', { path, maxBytes: Math.min(maxBytes, MAX_RUNNER_FILE_BYTES) })
      return { ...file, bytes: Buffer.from(file.bytes, 'base64') }
    },
    async writeFile(path, bytes, options = {}) {
      if (bytes.byteLength > MAX_RUNNER_FILE_BYTES) {
        throw new WorkspaceError(
          'too_large',
          `${path} would have ${bytes.byteLength} bytes; a file written in one piece may have ${MAX_RUNNER_FILE_BYTES}.`,
        )
      }
      const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
      return ask('writeFile', { path, bytes: base64, ...options })
    },
    list: (path) => ask('list', { path }),
    suggest: (path, limit) => ask('suggest', { path, limit }),
    async run(request, { signal, onOutput } = {}) {
      if (signal?.aborted) return NEVER_BEGUN
      return call({
        method: 'run',
        params: request,
        deadlineMs: request.timeoutMs + COMMAND_MARGIN_MS,
        ...(signal && { signal }),
        ...(onOutput && { onChunk: onOutput }),
      })
    },
  }
}

const NEVER_BEGUN: CommandResult = {
  exitCode: null,
  signal: null,
  timedOut: false,
  cancelled: true,
  durationMs: 0,
  output: '',
  truncated: false,
  outputPath: null,
}

async function listen(server: Server, socketPath: string): Promise<void> {
  // A socket file of a bridge that was killed: nobody else may make one in this directory.
  await rm(socketPath, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(socketPath, () => {
      server.off('error', reject)
      resolve()
    })
  })
  await chmod(socketPath, 0o666)
}
