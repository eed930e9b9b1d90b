/** Keeps one connection to the bridge's socket, for ever: dials, serves, and dials again with back-off. */
import { createConnection, type Socket } from 'node:net'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import type { Workspace } from '../bridge/workspace-port.ts'
import type { BridgeHello } from '../contract/runner.ts'
import { serveWorkspace } from './serve-workspace.ts'

/** First wait after a lost connection; doubles up to the longest. */
const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 2_000

export interface ConnectOptions {
  socketPath: string
  workspace: Workspace
  logger: Logger
  clock: Clock
  /** The bridge has taken a connection into use. */
  onAccepted?: (hello: BridgeHello) => void
  /** Ends the connection, every command on it, and the dialling. */
  signal: AbortSignal
}

/** Resolves when the signal has aborted and nothing of it is left. */
export async function serveForEver(options: ConnectOptions): Promise<void> {
  const { socketPath, workspace, logger, clock, signal } = options
  let waitMs = FIRST_WAIT_MS
  while (!signal.aborted) {
    const socket = await dial(socketPath)
    if (socket !== null) {
      const onAbort = () => socket.destroy()
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      const onAccepted = (hello: BridgeHello) => {
        waitMs = FIRST_WAIT_MS
        options.onAccepted?.(hello)
        logger.info('connected to the bridge', { socketPath })
      }
      await serveWorkspace({ socket, workspace, logger, onAccepted })
      signal.removeEventListener('abort', onAbort)
    }
    await clock.sleep(waitMs, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }
}

/** Null when nobody listens (yet, or any more). */
function dial(socketPath: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = createConnection(socketPath)
    const onError = () => resolve(null)
    socket.once('error', onError)
    socket.once('connect', () => {
      socket.off('error', onError)
      resolve(socket)
    })
  })
}
