/**
 * git.berth: clone and fetch of the agent's repositories, push of its one branch. Owns: which git requests pass. Must not
 * know: tokens' origin, what a push event is stored as.
 */
import type { IncomingHttpHeaders } from 'node:http2'
import type { Exchange, ExchangeHandler } from '../exchange.ts'
import { assertWhole, readHeader, writeChunk } from '../exchange.ts'
import type { GitAccess } from '../ports.ts'
import { Refusal } from '../refusal.ts'
import type { Upstream } from '../upstream.ts'
import { describeFailure } from '../upstream.ts'
import { createByteSource } from './byte-source.ts'
import { createForgeConnection } from './forge-connection.ts'
import { findGrantedRepository, parseGitRoute } from './git-route.ts'
import { receivePush } from './receive-push.ts'

export interface GitBrokerOptions {
  access: GitAccess
  upstream: Upstream
  idleTimeoutMs: number
}

export function createGitBroker({ access, upstream, idleTimeoutMs }: GitBrokerOptions): ExchangeHandler {
  const forge = createForgeConnection({ upstream, idleTimeoutMs })
  return async (exchange) => {
    const { headers, owner, stream, signal } = exchange
    const route = parseGitRoute(headers[':method'] ?? '', headers[':path'] ?? '')
    const grant = await access.grant(owner.agentId)
    const repository = findGrantedRepository(route, grant)
    const { service } = route
    if (route.action === 'advertise') {
      const response = await forge.advertise({ grant, repository, service, headers: passProtocol(headers), signal })
      return passAnswer(exchange, response, `${service}-advertisement`)
    }
    assertContentType(headers, `application/x-${service}-request`)
    if (service === 'git-receive-pack') return receivePush({ exchange, access, forge, grant, repository })
    const response = await forge.call({
      grant,
      repository,
      service,
      headers: {
        ...passProtocol(headers),
        ...passEncoding(headers),
        'content-type': `application/x-${service}-request`,
      },
      body: createByteSource(stream, () => assertWhole(stream)).remaining(Buffer.alloc(0)),
      signal,
    })
    return passAnswer(exchange, response, `${service}-result`)
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
