/**
 * The listening socket of the control plane. It is taken before anything slow is done, so that a taken port is told at once;
 * until the pages are there it answers 503. Knows nothing of what answers.
 */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describePortHolder } from './port-holder.ts'
import { StartRefused } from './start-refused.ts'

/** An answer of which its reader has taken nothing for so long is cut; one of events is gone on with by `Last-Event-ID`. */
const STUCK_MS = 30_000
/** Streams that stay open are cut when they have not ended by then. */
const CLOSE_GRACE_MS = 500

export interface HttpServer {
  server: Server
  port: number
  /** Under which a browser on this machine reaches it. */
  url: string
  answerWith(listener: RequestListener): void
  /** Accepts nothing more, and ends what is open. Idempotent. */
  close(): Promise<void>
}

/** Port 0 takes any free one. `stuckMs` is for tests. Throws in words when the port is taken or not allowed. */
export async function openHttpServer({
  host,
  port,
  stuckMs = STUCK_MS,
}: {
  host: string
  port: number
  stuckMs?: number
}): Promise<HttpServer> {
  let listener: RequestListener = answerStarting
  const server = createServer((request, response) => {
    // Told when nothing moved on the connection for so long: also while an answer is only being worked out.
    response.setTimeout(stuckMs, () => {
      if (response.writableLength > 0) response.destroy()
    })
    listener(request, response)
  })
  await listen(server, { host, port }).catch(async (error: unknown) => {
    throw await explain(error, { host, port })
  })
  const address = server.address() as AddressInfo
  return {
    server,
    port: address.port,
    url: `http://${reachable(host)}:${address.port}`,
    answerWith(next) {
      listener = next
    },
    close: () => closeServer(server),
  }
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** A server on every address is reached here by name; an IPv6 address stands in brackets. */
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::' || host === '') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

function answerStarting(_request: IncomingMessage, response: Parameters<RequestListener>[1]): void {
  response.writeHead(503, { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '2' })
  response.end('Berth is starting.\n')
}

async function explain(error: unknown, { host, port }: { host: string; port: number }): Promise<unknown> {
  const code = error instanceof Error && 'code' in error ? error.code : null
  if (code === 'EADDRINUSE') {
    const holder = (await describePortHolder(port)) ?? 'another program'
    return new StartRefused(
      `Port ${port} on ${host} is taken by ${holder}. End it, or take another port: PORT=${await findFreePort(host, port + 1)} npm start`,
    )
  }
  if (code === 'EACCES') {
    return new StartRefused(
      `Port ${port} needs more rights than this user has. Take one above 1023: PORT=3000 npm start`,
    )
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new StartRefused(`HOST=${host} is no address of this machine. Use 127.0.0.1, or 0.0.0.0 for every address.`)
  }
  return error
}

/** The first free one from `port` on; after some that are taken, any. */
async function findFreePort(host: string, port: number): Promise<number> {
  const candidates = Array.from({ length: 10 }, (_, index) => port + index).filter((candidate) => candidate < 65_536)
  for (const candidate of [...candidates, 0]) {
    const server = createServer()
    const isFree = await listen(server, { host, port: candidate }).then(
      () => true,
      () => false,
    )
    if (!isFree) continue
    const address = server.address() as AddressInfo
    await closeServer(server)
    return address.port
  }
  return port
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
  await closed
  clearTimeout(cut)
}
