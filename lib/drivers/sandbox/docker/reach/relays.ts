/**
 * Connections to bridges through `docker exec` of the relay. One more relay than is used stands ready in each sandbox that is
 * dialled: starting one takes an exec and a Node. Owns: the relays' processes, which end with their input. Must not know: what
 * is said over a connection.
 */
import type { Duplex } from 'node:stream'
import { RELAY_GO, readRelayLine } from '../../../../../container/contract/relay.ts'
import { SANDBOX_PATHS } from '../../../../../container/contract/tunnel.ts'
import { BerthError } from '../../../../errors.ts'
import type { Logger } from '../../../../logger.ts'
import { relayCommand } from '../container-config.ts'
import { type ContainerEngine, EngineRefusal } from '../engine/engine.ts'
import { readFirstLine } from './read-first-line.ts'

/** From the engine's start of a relay to its connection. */
const DIAL_DEADLINE_MS = 10_000

export interface RelayTarget {
  engineId: string
  agentId: string
}

export interface Relays {
  /** A new connection. Rejects with `sandbox_lost` and the reason. */
  dial(target: RelayTarget): Promise<Duplex>
  /** Lets go of the one that stands ready. */
  forget(engineId: string): void
  close(): void
}

type Relay = Awaited<ReturnType<ContainerEngine['openExec']>>

export function createRelays(engine: ContainerEngine, logger: Logger): Relays {
  const spares = new Map<string, Promise<Relay | null>>()
  let isClosed = false

  const start = async ({ engineId, agentId }: RelayTarget, signal: AbortSignal): Promise<Relay> => {
    try {
      const relay = await engine.openExec(engineId, relayCommand, signal)
      // Whoever uses it listens as well; one that breaks before must not end the process.
      relay.on('error', () => relay.destroy())
      return relay
    } catch (error) {
      if (error instanceof EngineRefusal) throw lost(`The container of agent ${agentId} does not run`, { cause: error })
      if (signal.aborted) throw lost(`The engine did not start a relay in ${DIAL_DEADLINE_MS} ms`, { cause: error })
      throw error
    }
  }

  const prepare = (target: RelayTarget) => {
    const { engineId } = target
    if (isClosed || spares.has(engineId)) return
    const spare = start(target, AbortSignal.timeout(DIAL_DEADLINE_MS)).catch((error) => {
      logger.debug('no relay stands ready', { agentId: target.agentId, error })
      return null
    })
    spares.set(engineId, spare)
  }

  const takeSpare = async ({ engineId }: RelayTarget): Promise<Relay | null> => {
    const spare = spares.get(engineId)
    spares.delete(engineId)
    return (await spare) ?? null
  }

  const forget = (engineId: string) => {
    const spare = spares.get(engineId)
    spares.delete(engineId)
    spare?.then((relay) => relay?.destroy())
  }

  return {
    dial: async (target) => {
      const deadline = AbortSignal.timeout(DIAL_DEADLINE_MS)
      // One that stood ready may have ended meanwhile, as when the container was started again.
      const ready = await takeSpare(target)
      const connection =
        (ready && (await connect(ready, { target, deadline }))) ??
        (await connect(await start(target, deadline), { target, deadline }))
      if (connection === null) throw lost(`The relay in the container of agent ${target.agentId} ended without a word`)
      prepare(target)
      return connection
    },
    forget,
    close: () => {
      isClosed = true
      for (const engineId of [...spares.keys()]) forget(engineId)
    },
  }
}

/** Null where the relay ended without a word. */
async function connect(
  relay: Relay,
  { target, deadline }: { target: RelayTarget; deadline: AbortSignal },
): Promise<Duplex | null> {
  const expire = () => relay.destroy()
  deadline.addEventListener('abort', expire, { once: true })
  relay.write(RELAY_GO)
  const line = await readFirstLine(relay)
  deadline.removeEventListener('abort', expire)
  const outcome = line === null ? null : readRelayLine(line)
  if (outcome === 'connected') return relay
  relay.destroy()
  if (outcome !== null) {
    throw lost(`No bridge listens on ${SANDBOX_PATHS.socket} (${outcome})`, { details: { errno: outcome } })
  }
  if (deadline.aborted) throw lost(`The relay said nothing in ${DIAL_DEADLINE_MS} ms`)
  const words = [line, relay.words].join(' ').trim().slice(0, 500)
  if (words === '') return null
  throw lost(`The relay in the container of agent ${target.agentId} did not run: ${words}`, {
    hint: 'An image that is not up to date is made anew by `npm run build-container`.',
  })
}

function lost(
  what: string,
  options: { cause?: unknown; hint?: string; details?: Record<string, unknown> } = {},
): BerthError {
  return new BerthError('sandbox_lost', `${what}.`, options)
}
