/**
 * Speaking to a bridge: commands, its events, its tunnel. Owns: the wire of container/contract. Must not know: how a
 * connection is made (the sandbox driver's `dial`), what an event means, the database.
 */
import type { Duplex } from 'node:stream'
import type {
  AttendCommand,
  BridgeHealth,
  CloneCommand,
  CloneMessage,
  CommitAnswer,
  CommitCommand,
  EventsHello,
  ExecuteAnswer,
  ExecuteCommand,
  PushAnswer,
  PushCommand,
  SetupCommand,
  SetupMessage,
  WorkspaceState,
} from '../../../container/contract/bridge.ts'
import type { DeltaEvent, JournalEvent } from '../../../container/contract/events.ts'
import type { TunnelKind } from '../../../container/contract/tunnel.ts'

export type BridgeMessage =
  | { kind: 'hello'; hello: EventsHello }
  | { kind: 'event'; event: JournalEvent }
  | { kind: 'delta'; delta: DeltaEvent }
  /** A line that is not of the contract. `n` is its `id:` where it had one, so that its place in the log can be kept. */
  | { kind: 'malformed'; n: number | null; reason: string }

export type ExecuteOutcome =
  | { accepted: true; answer: ExecuteAnswer }
  | { accepted: false; code: string; message: string }

export interface BridgeClient {
  health(signal?: AbortSignal): Promise<BridgeHealth>
  /** Asks again until the bridge answers or the deadline passes (then rejects with the last failure as cause). */
  waitUntilReady(timeoutMs: number, signal?: AbortSignal): Promise<BridgeHealth>
  execute(command: ExecuteCommand): Promise<ExecuteOutcome>
  cancel(runId: string): Promise<{ ended: boolean }>
  /** False when the run is not in progress any more. */
  attend(command: AttendCommand): Promise<boolean>
  /** The clone as it is now. */
  workspaceState(signal?: AbortSignal): Promise<WorkspaceState>
  /** Yields output, last a `result` or an `error`. */
  setup(command: SetupCommand, signal?: AbortSignal): AsyncIterable<SetupMessage>
  /** Yields progress, last a `result` or an `error`. */
  clone(command: CloneCommand, signal?: AbortSignal): AsyncIterable<CloneMessage>
  commit(command: CommitCommand, signal?: AbortSignal): Promise<CommitAnswer>
  push(command: PushCommand, signal?: AbortSignal): Promise<PushAnswer>
  /**
   * Events after `after` of the journal named, then live ones, until the connection ends or the signal aborts. `onPiece` is told
   * of each piece that came, in bytes; the next one is not read before it resolves. Throws `payload_too_large` at an event that
   * has no end.
   */
  events(
    position: { journalId: string | null; after: number },
    signal: AbortSignal,
    onPiece?: (bytes: number) => Promise<void>,
  ): AsyncIterable<BridgeMessage>
  /** The upgraded connection on which the bridge will speak HTTP/2 as the client. */
  openTunnel(kind: TunnelKind, fence: number, signal?: AbortSignal): Promise<Duplex>
}

/** What a client needs to know of one incarnation. */
export interface BridgeTarget {
  dial(): Promise<Duplex>
  token: string
}
