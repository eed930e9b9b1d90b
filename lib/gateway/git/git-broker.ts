/**
 * git.berth: clone and fetch of the agent's repositories, push of its one branch. Owns: which git requests pass. Must not
 * know: tokens' origin, what a push event is stored as.
 */
import type { IncomingHttpHeaders } from 'node:http2'
import type { Clock } from '../../clock.ts'
import type { Logger } from '../../logger.ts'
import type { Exchange, ExchangeHandler } from '../exchange.ts'
import { assertWhole, readHeader, writeChunk } from '../exchange.ts'
import type { GitAccess, GitGrant } from '../ports.ts'
import { Refusal } from '../refusal.ts'
import type { Upstream } from '../upstream.ts'
import { describeFailure } from '../upstream.ts'
import { createByteSource } from './byte-source.ts'
import { createForgeConnection } from './forge-connection.ts'
import type { GitRoute } from './git-route.ts'
import { findGrantedRepository, parseGitRoute } from './git-route.ts'
import type { PushLog } from './push-log.ts'
import { createPushLog } from './push-log.ts'
import { receivePush } from './receive-push.ts'

export interface GitBrokerOptions {
  access: GitAccess
  upstream: Upstream
  logger: Logger
  clock: Clock
  idleTimeoutMs: number
}

export function createGitBroker(options: GitBrokerOptions): ExchangeHandler {
  const { access, upstream, idleTimeoutMs } = options
  const log = createPushLog(options)
  const forge = createForgeConnection({ upstream, idleTimeoutMs })
  return async (exchange) => {
    const { headers, owner, stream, signal } = exchange
    const route = parseGitRoute(headers[':method'] ?? '', headers[':path'] ?? '')
    const grant = await access.grant(owner.agentId)
    const { service } = route
    const repository = await findRepository({ exchange, log, route, grant })
    if (route.action === 'advertise') {
      const response = await forge.advertise({ grant, repository, service, headers: passProtocol(headers), signal })
      return passAnswer(exchange, response, `${service}-advertisement`)
    }
    assertContentType(headers, `application/x-${service}-request`)
    if (service === 'git-receive-pack') return receivePush({ exchange, log, forge, grant, repository })
    const response = await forge.call({
      grant,
      repository,
      service,
      headers: {
        ...passProtocol(headers),
        ...passEncoding(headers),
        'content-type': `application/x-${service}-request`,
      },
      body: createByteSource(stream, { check: (piece) => piece === null && assertWhole(stream) }).remaining(
        Buffer.alloc(0),
      ),
      signal,
    })
    return passAnswer(exchange, response, `${service}-result`)
  }
}

/** A push to a repository that is not the agent's to push is refused before it names a ref. */
async function findRepository(input: { exchange: Exchange; log: PushLog; route: GitRoute; grant: GitGrant }) {
  const { exchange, log, route, grant } = input
  try {
    return findGrantedRepository(route, grant)
  } catch (error) {
    if (error instanceof Refusal && route.service === 'git-receive-pack') {
      const { repository } = route
      const push = { repository, ref: '', oldSha: '', newSha: '', outcome: 'refused', reason: error.message } as const
      await log.record(exchange.owner.agentId, push)
    }
    throw error
  }
}

async function passAnswer(exchange: Exchange, response: AsyncIterable<Buffer>, type: string): Promise<void> {
  exchange.stream.respond({ ':status': 200, 'content-type': `application/x-${type}`, 'cache-control': 'no-cache' })
  try {
    for await (const chunk of response) await writeChunk(exchange, chunk)
  } catch (error) {
    throw new Refusal(502, 'upstream_failed', `The git host's answer was cut: ${describeFailure(error)}.`)
  }
  exchange.stream.end()
}

function assertContentType(headers: IncomingHttpHeaders, expected: string): void {
  if (readHeader(headers, 'content-type') === expected) return
  throw new Refusal(415, 'validation_failed', `The request must be of the type ${expected}.`)
}

function passProtocol(headers: IncomingHttpHeaders): Record<string, string> {
  const protocol = readHeader(headers, 'git-protocol')
  return protocol !== null && /^version=[0-2]$/.test(protocol) ? { 'git-protocol': protocol } : {}
}

function passEncoding(headers: IncomingHttpHeaders): Record<string, string> {
  const encoding = readHeader(headers, 'content-encoding')
  if (encoding === null || encoding === 'identity') return {}
  if (encoding === 'gzip' || encoding === 'x-gzip') return { 'content-encoding': 'gzip' }
  throw new Refusal(415, 'validation_failed', 'A body may be gzip or plain.')
}
