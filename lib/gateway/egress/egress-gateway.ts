/**
 * Everything that leaves a sandbox for a host of the world: CONNECT tunnels and plain http. Owns: finding out where, refusing
 * with rule, host and cure, on the wire and as an event. What is allowed is lib/domain/egress-policy.ts and address.ts.
 */
import { EGRESS_HEADER } from '../../../container/contract/tunnel.ts'
import type { Clock } from '../../clock.ts'
import type { CompanyProxy } from '../../domain/company-proxy.ts'
import type { EgressRefusal, EgressTarget } from '../../domain/egress-policy.ts'
import {
  DEFAULT_EGRESS_PORTS,
  isRefusal,
  parseEgressTarget,
  writeRefusal,
  writeTarget,
} from '../../domain/egress-policy.ts'
import type { Logger } from '../../logger.ts'
import type { Exchange, ExchangeHandler } from '../exchange.ts'
import type { EgressAccess } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import { serveConnect } from './connect.ts'
import { createDenialLog } from './denial-log.ts'
import type { Destination, Network } from './destination.ts'
import { createSystemNetwork, findDestination } from './destination.ts'
import { servePlainHttp } from './plain-http.ts'

export interface EgressGatewayOptions {
  access: EgressAccess
  proxy: CompanyProxy
  logger: Logger
  clock: Clock
  timeouts: { idleMs: number; connectMs: number }
  network?: Network
}

/** What both ways out are given for one exchange. */
export interface EgressExchange {
  exchange: Exchange
  destination: Destination
  /** A CONNECT to it carries TLS and nothing else. Any other port was named with its host, for whatever is spoken there. */
  tlsOnly: boolean
  timeouts: { idleMs: number; connectMs: number }
  /** Records a refusal found after the connection was opened. */
  recordDenied(refusal: EgressRefusal): Promise<void>
}

const HTTP_PORT = 80

export function createEgressGateway(options: EgressGatewayOptions): ExchangeHandler {
  const { access, proxy, timeouts, network = createSystemNetwork() } = options
  const denials = createDenialLog(options)
  const readPolicy = joinReads((agentId) => access.policy(agentId))

  const deny = async (agentId: string, target: EgressTarget, refusal: EgressRefusal) => {
    await denials.record(agentId, target, refusal)
    return new Refusal(403, refusal.rule, writeRefusal(refusal))
  }

  return async (exchange) => {
    const { headers, owner, signal } = exchange
    const isConnect = headers[':method'] === 'CONNECT'
    if (!isConnect && (headers[':scheme'] !== 'http' || headers[EGRESS_HEADER] === undefined)) {
      throw new Refusal(400, 'invalid_request', 'Egress takes CONNECT, and plain http as a proxy sees it.')
    }
    const authority = headers[':authority'] ?? ''
    const target = parseEgressTarget(authority, isConnect ? null : HTTP_PORT)
    if (isRefusal(target)) {
      throw await deny(owner.agentId, { host: toAsciiLine(authority).slice(0, 300), port: 0 }, target)
    }
    const policy = await readPolicy(owner.agentId)
    signal.throwIfAborted()
    const protocol = isConnect ? 'https:' : 'http:'
    const timeoutMs = timeouts.connectMs
    const found = await findDestination({ target, protocol, policy, network, proxy, timeoutMs, signal })
    if ('unresolved' in found) throw new Refusal(502, 'host_not_found', `${writeTarget(target)}: ${found.unresolved}.`)
    if ('rule' in found) throw await deny(owner.agentId, target, found)
    const recordDenied = (refusal: EgressRefusal) => denials.record(owner.agentId, target, refusal)
    const tlsOnly = DEFAULT_EGRESS_PORTS.includes(target.port)
    const serve = isConnect ? serveConnect : servePlainHttp
    await serve({ exchange, destination: found, tlsOnly, timeouts, recordDenied })
  }
}

/** What one agent asks for at once is read once: no flood of requests is one of reads. */
function joinReads<T>(read: (agentId: string) => Promise<T>): (agentId: string) => Promise<T> {
  const pending = new Map<string, Promise<T>>()
  return (agentId) => {
    const reading = pending.get(agentId) ?? read(agentId).finally(() => pending.delete(agentId))
    pending.set(agentId, reading)
    return reading
  }
}
