/**
 * A bridge as the services see it: a client over a journal in memory. A test says what its run does; the connection can be
 * cut and the sandbox lost at any moment. Follows the wire's rules: one run at a time, a repeated execute joins.
 */
import { Duplex } from 'node:stream'
import type { AttendCommand, BridgeHealth, CloneCommand, ExecuteCommand } from '../../container/contract/bridge.ts'
import type { DeltaEvent, JournalEvent } from '../../container/contract/events.ts'
import type { BridgeClient, BridgeMessage } from '../../lib/drivers/bridge/port.ts'
import { BerthError } from '../../lib/errors.ts'

const at = '2026-01-01T00:00:00.000Z'

export interface FakeBridge {
  /** What every connection comes down to; a test replaces a call here. */
  client: BridgeClient
  /** A client as one connection has it: after `cut` all it says is that it is lost. */
  connect(): BridgeClient
  /** What a call on a connection that is gone does. */
  connectionLost(): () => never
  journalId: string
  journal: JournalEvent[]
  commands: ExecuteCommand[]
  clones: CloneCommand[]
  /** What cloned, committed, pushed and cancelled, in order. */
  calls: string[]
  cloned: boolean
  /** Other files are in the workspace, which are in the way of a clone. */
  files: boolean
  /** What `commit` answers. */
  changes: { ahead: number; additions: number; deletions: number }
  /** What `push` answers when it is refused. */
  refusePush: string | null
  failClone: { code: string; message: string } | null
  failSetup: { code: string; message: string; tail: string[] } | null
  /** What is in the clone, when there is one. */
  workspace: { head: string | null; branch: string; digest: string }
  /** Called when the run is told that words wait for it. */
  onAttend: (command: AttendCommand) => void
  /** Called with each new command: what the run does. Default: it completes at once. */
  onExecute: (command: ExecuteCommand) => void
  say(type: string, data: Record<string, unknown>, runId?: string | null): void
  sayDelta(delta: DeltaEvent): void
  end(reason: string, summary?: string): void
  /** Ends streams and tunnels; the bridge answers the next connection. */
  cut(): void
  /** As `cut`, and what ran is forgotten: the process was killed. The journal stays. */
  crash(): void
  /** A new volume: journal and clone are gone. */
  loseVolumes(): void
  running(): string | null
  openTunnels(): Duplex[]
  /** Answers no more, or refuses the token: until a container is made anew. Null: answers. */
  refusal: BerthError | null
}

export function createFakeBridge(): FakeBridge {
  let run: ExecuteCommand | null = null
  let journals = 1
  /** Whose changes are committed. */
  let committedFor: string | undefined
  let connections = 0
  let listeners = new Set<(message: BridgeMessage | 'end') => void>()
  let tunnels = new Set<Duplex>()
  /** The highest that was seen; of the process, not of its volume. */
  let fence = 0

  const bridge: FakeBridge = {
    journalId: 'journal_1',
    journal: [],
    commands: [],
    clones: [],
    calls: [],
    cloned: false,
    files: false,
    changes: { ahead: 1, additions: 3, deletions: 1 },
    refusal: null,
    refusePush: null,
    failClone: null,
    failSetup: null,
    workspace: { head: 'a'.repeat(40), branch: 'work', digest: 'd'.repeat(64) },
    onAttend: () => {},
    onExecute: () => bridge.end('completed', 'Done.'),
    say(type, data, runId = run?.runId ?? null) {
      const event = { n: bridge.journal.length + 1, type, runId, at, data }
      bridge.journal.push(event)
      for (const listener of listeners) listener({ kind: 'event', event })
    },
    sayDelta(delta) {
      for (const listener of listeners) listener({ kind: 'delta', delta })
    },
    end(reason, summary) {
      const totals = { steps: 1, inputTokens: 10, outputTokens: 5, durationMs: 1 }
      bridge.say('done', { reason, ...(summary !== undefined && { summary }), ...totals })
      run = null
    },
    connect() {
      const mine = connections
      return new Proxy(bridge.client, {
        get(client, name) {
          if (mine === connections) return Reflect.get(client, name)
          return bridge.connectionLost()
        },
      })
    },
    connectionLost: () => () => {
      throw new BerthError('sandbox_lost', 'The connection to the fake bridge was cut.')
    },
    cut() {
      connections += 1
      const ending = listeners
      listeners = new Set()
      for (const listener of ending) listener('end')
      for (const tunnel of tunnels) tunnel.destroy()
      tunnels = new Set()
    },
    crash() {
      run = null
      fence = 0
      bridge.cut()
    },
    loseVolumes() {
      journals += 1
      bridge.journalId = `journal_${journals}`
      bridge.journal = []
      bridge.cloned = false
      bridge.files = false
    },
    running: () => run?.runId ?? null,
    openTunnels: () => [...tunnels].filter((tunnel) => !tunnel.destroyed),
    client: {
      health: async () => health(),
      async waitUntilReady() {
        if (bridge.refusal) throw bridge.refusal
        return health()
      },
      async execute(command) {
        bridge.commands.push(command)
        const ended = bridge.journal.some((event) => event.type === 'done' && event.runId === command.runId)
        if (run?.runId === command.runId || ended)
          return { accepted: true, answer: { runId: command.runId, joined: true } }
        if (run) return { accepted: false, code: 'run_in_progress', message: `run ${run.runId} is in progress` }
        const { journalId, n } = command.stored
        const known = journalId === null || (journalId === bridge.journalId && n <= bridge.journal.length)
        if (!known && !command.history)
          return { accepted: false, code: 'history_needed', message: 'the journal is new' }
        run = command
        bridge.say('run_started', {
          inputEventId: command.input.eventId,
          model: command.model.id,
          maxSteps: command.limits.maxSteps,
          continued: command.continued,
        })
        bridge.onExecute(command)
        return { accepted: true, answer: { runId: command.runId, joined: false } }
      },
      async cancel(runId) {
        bridge.calls.push(`cancel ${runId}`)
        if (run?.runId !== runId) return { ended: false }
        bridge.end('cancelled')
        return { ended: true }
      },
      async attend(command) {
        if (run?.runId !== command.runId) return false
        bridge.calls.push(`attend${command.interrupt ? ' interrupt' : ''}`)
        bridge.onAttend(command)
        return true
      },
      async workspaceState() {
        if (bridge.cloned) return { cloned: true, ...bridge.workspace }
        return { cloned: false, empty: !bridge.files, head: null, branch: null, digest: null }
      },
      async *setup({ script }) {
        bridge.calls.push(`setup ${script}`)
        yield { output: 'setting ' }
        yield { output: 'up\n' }
        if (bridge.failSetup) return yield { error: bridge.failSetup }
        yield { result: { ran: true, durationMs: 1 } }
      },
      async *clone(command) {
        bridge.clones.push(command)
        bridge.calls.push(`clone ${command.repository} ${command.sourceBranch} ${command.targetBranch}`)
        yield { progress: { phase: 'Receiving objects', percent: 50, line: 'Receiving objects: 50% (1/2)' } }
        if (bridge.failClone) return yield { error: bridge.failClone }
        if (bridge.files && !command.setAside) {
          return yield { error: { code: 'state_conflict', message: 'The workspace is not empty.' } }
        }
        const setAside = bridge.files ? { setAside: ['.berth-before-20260101T000000Z'] } : {}
        bridge.cloned = true
        yield { result: { head: 'a'.repeat(40), branch: command.targetBranch, existing: false, ...setAside } }
      },
      async commit({ message, runId }) {
        bridge.calls.push(`commit ${message.split('\n')[0]}`)
        const { ahead, ...lines } = bridge.changes
        const head = 'c'.repeat(40)
        if (ahead > 0) bridge.workspace.head = head
        const isEarlier = runId !== undefined && runId === committedFor
        if (ahead > 0) committedFor = runId
        const made = ahead === 0 ? { sha: null } : isEarlier ? { sha: null, earlierSha: head } : { sha: head }
        return { ...made, head, ahead, files: ahead, ...lines }
      },
      async push({ targetBranch }) {
        bridge.calls.push(`push ${targetBranch}`)
        return { ok: bridge.refusePush === null, head: 'c'.repeat(40), message: bridge.refusePush ?? '' }
      },
      async *events({ journalId, after }, signal) {
        const unread: (BridgeMessage | 'end')[] = []
        let wake = () => {}
        const listener = (message: BridgeMessage | 'end') => {
          unread.push(message)
          wake()
        }
        const onAbort = () => listener('end')
        if (signal.aborted) return
        listeners.add(listener)
        signal.addEventListener('abort', onAbort, { once: true })
        try {
          yield { kind: 'hello', hello: { journalId: bridge.journalId, lastN: bridge.journal.length } }
          let last = journalId === bridge.journalId ? after : 0
          for (const event of bridge.journal.slice(last)) {
            last = event.n
            yield { kind: 'event', event }
          }
          for (;;) {
            const message = unread.shift()
            if (message === 'end') return
            if (message?.kind === 'event' && message.event.n <= last) continue
            if (message) yield message
            else
              await new Promise<void>((resolve) => {
                wake = resolve
              })
          }
        } finally {
          listeners.delete(listener)
          signal.removeEventListener('abort', onAbort)
        }
      },
      async openTunnel(_kind, given) {
        if (given < fence) throw new BerthError('state_conflict', `The fence ${given} is older than ${fence}.`)
        fence = given
        const tunnel = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
        tunnels.add(tunnel)
        tunnel.on('error', (error) => {
          throw new BerthError('sandbox_lost', 'a fake tunnel failed', { cause: error })
        })
        return tunnel
      },
    },
  }

  function health(): BridgeHealth {
    return {
      protocol: 1,
      bridgeVersion: 'fake',
      incarnation: 'fake',
      journalId: bridge.journalId,
      lastN: bridge.journal.length,
      runner: { connected: true },
      tunnel: { control: true, egress: true },
      run: run && { id: run.runId, step: 1 },
      workspace: { cloned: bridge.cloned },
    }
  }
  return bridge
}
