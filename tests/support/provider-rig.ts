/**
 * The path of a model call without its container: the real loop, tunnel and gateway, with the scripted model behind them. Time
 * passes in the loop's waits alone.
 */
import { createTunnelFetch } from '../../container/bridge/tunnel/tunnel-fetch.ts'
import { createTunnelLink, type TunnelLink } from '../../container/bridge/tunnel/tunnel-link.ts'
import type { ExecuteCommand } from '../../container/contract/bridge.ts'
import type { JournalEvent } from '../../container/contract/events.ts'
import { silentLogger } from '../../lib/logger.ts'
import type { ScriptStep } from '../../scripts/stand-ins/model/script.ts'
import { type ModelStandIn, startModel } from '../../scripts/stand-ins/model/start-model.ts'
import { commandOf, createRig, plainTool, type Rig } from './executor-rig.ts'
import { type TestClock, testClock } from './test-clock.ts'
import {
  createSocketPair,
  createTunnelRig,
  fakeModelAccess,
  OWNER,
  type Settlement,
  type TunnelRig,
} from './tunnel-rig.ts'

const MODEL = 'anthropic/claude-sonnet-4.6'

export interface ProviderRig {
  executor: Rig
  clock: TestClock
  model: ModelStandIn
  /** What each try came to for the meter. */
  settled: Settlement[]
  /** Values with which the one tool, `echo`, was run. */
  echoed: string[]
  /** Begins the run; its `done` comes from `executor.ended`. */
  begin(command?: Partial<ExecuteCommand>): void
  run(command?: Partial<ExecuteCommand>): Promise<JournalEvent>
  /** The notes that the model is asked again. */
  retries(): JournalEvent[]
  /** Brings the tunnel up. */
  attach(): Promise<void>
  close(): Promise<void>
}

/**
 * `idleMs`: how long the gateway waits for a provider that says nothing. `baseUrlOf`: another provider for the call of that
 * number. `isDetached`: there is no tunnel before `attach`.
 */
export async function startProviderRig(
  replies: ScriptStep[],
  options: { idleMs?: number; baseUrlOf?: (call: number) => string | null; isDetached?: boolean } = {},
): Promise<ProviderRig> {
  await using started = new AsyncDisposableStack()
  const model = await startModel({ script: replies })
  started.defer(() => model.close())
  const { access, settled, begun } = fakeModelAccess({ baseUrl: model.url })
  const tunnel = createTunnelRig({
    access: {
      model: {
        ...access,
        begin: async (call) => {
          const grant = await access.begin(call)
          return { ...grant, baseUrl: options.baseUrlOf?.(begun.length) ?? grant.baseUrl }
        },
      },
    },
    ...(options.idleMs === undefined ? {} : { timeouts: { idleMs: options.idleMs } }),
  })
  started.defer(() => tunnel.close())
  const link = createTunnelLink({ kind: 'control', logger: silentLogger })
  started.defer(() => link.close())
  const attach = () => attachTo(tunnel, link)
  if (!options.isDetached) await attach()
  const clock = testClock()
  const echoed: string[] = []
  const echo = plainTool('echo', (value) => {
    echoed.push(value)
    return { output: `echo: ${value}`, outcome: 'ok' }
  })
  const executor = await createRig([], { clock, tools: [echo], modelFetch: createTunnelFetch(link) })
  const everything = started.move()
  const asked = (command: Partial<ExecuteCommand> = {}) => ({
    ...command,
    model: { id: MODEL, contextTokens: null, maxOutputTokens: null },
  })
  return {
    executor,
    clock,
    model,
    settled,
    echoed,
    begin: (command) => void executor.executor.begin(commandOf(asked(command))),
    run: (command) => executor.run(asked(command)),
    retries: () => executor.events().filter(({ data }) => data.code === 'provider_retry'),
    attach,
    close: () => everything.disposeAsync(),
  }
}

async function attachTo(tunnel: TunnelRig, link: TunnelLink): Promise<void> {
  const [inside, outside] = await createSocketPair()
  tunnel.server.attach({ socket: outside, kind: 'control', owner: OWNER })
  link.attach(inside)
}
