/**
 * Which gateway serves a request: its `:authority` alone says so, within what its connection carries. The control connection
 * carries Berth's own names, the egress connection everything else, and neither the other's.
 */
import type { IncomingHttpHeaders } from 'node:http2'
import type { TunnelKind } from '../../../container/contract/tunnel.ts'
import {
  FORGE_AUTHORITY,
  GIT_AUTHORITY,
  MODEL_AUTHORITY,
  PEOPLE_AUTHORITY,
} from '../../../container/contract/tunnel.ts'
import type { Clock } from '../../clock.ts'
import type { CompanyProxy } from '../../domain/company-proxy.ts'
import type { Logger } from '../../logger.ts'
import type { Network } from '../egress/destination.ts'
import { createEgressGateway } from '../egress/egress-gateway.ts'
import type { ExchangeHandler } from '../exchange.ts'
import { createForgeGateway } from '../forge/forge-gateway.ts'
import { createGitBroker } from '../git/git-broker.ts'
import { createModelGateway } from '../model/model-gateway.ts'
import { createPeopleGateway } from '../people/people-gateway.ts'
import type { GatewayAccess } from '../ports.ts'
import type { RefusalFormat } from '../refusal.ts'
import { Refusal } from '../refusal.ts'
import type { Upstream } from '../upstream.ts'

export interface Route {
  handle: ExchangeHandler
  format: RefusalFormat
}

export interface RoutesOptions {
  access: GatewayAccess
  upstream: Upstream
  proxy: CompanyProxy
  logger: Logger
  clock: Clock
  timeouts: { idleMs: number; connectMs: number }
  network?: Network
}

/** Any name under it is Berth's own and never goes out as egress. */
const OWN_SUFFIX = '.berth'

export function createRoutes(options: RoutesOptions): (kind: TunnelKind, headers: IncomingHttpHeaders) => Route {
  const { access, upstream, timeouts } = options
  const own: Record<string, Route> = {
    [MODEL_AUTHORITY]: {
      handle: createModelGateway({ access: access.model, upstream, idleTimeoutMs: timeouts.idleMs }),
      format: 'json',
    },
    [FORGE_AUTHORITY]: { handle: createForgeGateway({ access: access.forge }), format: 'json' },
    [PEOPLE_AUTHORITY]: { handle: createPeopleGateway({ access: access.people }), format: 'json' },
    [GIT_AUTHORITY]: {
      handle: createGitBroker({ ...options, access: access.git, idleTimeoutMs: timeouts.idleMs }),
      format: 'text',
    },
  }
  const egress: Route = {
    handle: createEgressGateway({ ...options, access: access.egress }),
    format: 'text',
  }
  return (kind, headers) => {
    const authority = headers[':authority'] ?? ''
    const host = authority.toLowerCase().replace(/:\d*$/, '').replace(/\.$/, '')
    if (kind === 'egress') return host.endsWith(OWN_SUFFIX) ? misdirected(authority, kind) : egress
    if (headers[':method'] === 'CONNECT' || !Object.hasOwn(own, authority)) return misdirected(authority, kind)
    return own[authority] ?? misdirected(authority, kind)
  }
}

function misdirected(authority: string, kind: TunnelKind): Route {
  const shown = JSON.stringify(authority.slice(0, 300))
  return {
    format: 'text',
    handle: async () => {
      throw new Refusal(421, 'misdirected', `${shown} is not served on the ${kind} connection of a sandbox.`)
    },
  }
}
