import { once } from 'node:events'
import net from 'node:net'
import { duplexPair } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type LocalProxy, startProxy } from '../../../../../container/bridge/proxy/proxy.ts'
import { createTunnelLink, type TunnelLink } from '../../../../../container/bridge/tunnel/tunnel-link.ts'
import { silentLogger } from '../../../../../lib/logger.ts'
import { attachPeer, type StreamHandler } from '../../../../support/tunnel-peer.ts'

let links: { control: TunnelLink; egress: TunnelLink }
let proxy: LocalProxy

beforeEach(async () => {
  links = {
    control: createTunnelLink({ kind: 'control', logger: silentLogger }),
    egress: createTunnelLink({ kind: 'egress', logger: silentLogger }),
  }
  proxy = await startProxy({ links, logger: silentLogger, port: 0, tunnelWaitMs: 30, idleMs: 60 })
})

afterEach(async () => {
  await proxy.close()
  links.control.close()
  links.egress.close()
})

function bringEgress(handler: StreamHandler): void {
  const [ours, theirs] = duplexPair()
  attachPeer(theirs, handler)
  links.egress.attach(ours)
}

/** Everything the proxy says to `text` until it closes. */
async function say(text: string): Promise<string> {
  const socket = net.connect(proxy.port, '127.0.0.1')
  socket.write(text)
  let heard = ''
  try {
    for await (const chunk of socket) heard += chunk
  } catch (error) {
    heard += `(${(error as NodeJS.ErrnoException).code})`
  }
  return heard
}

describe('without a tunnel', () => {
  it('a request is answered 502 in words after the time it may wait', async () => {
    const words = 'The sandbox has no way out at the moment. There is no connection to the control plane'
    const plain = await say('GET http://example.com/ HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n')
    expect(plain).toMatch(/^HTTP\/1\.1 502 /)
    expect(plain).toContain(words)
    const connect = await say('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n')
    expect(connect).toMatch(/^HTTP\/1\.1 502 /)
    expect(connect).toContain(words)
  })
})

describe('an idle connection', () => {
  it('is cut, so that a tunnel place is never held for ever', async () => {
    bringEgress((stream) => stream.respond({ ':status': 200 }))
    expect(await say('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n')).toBe(
      'HTTP/1.1 200 Connection established\r\n\r\n(ECONNRESET)',
    )
  })
})

describe('a client that ends last', () => {
  it('has all that it sent delivered, although the other side had ended long before', async () => {
    const size = 5_000_000
    const received = new Promise<number>((resolve) => {
      bringEgress(async (stream) => {
        stream.respond({ ':status': 200 })
        stream.end('bye')
        let count = 0
        for await (const chunk of stream) count += chunk.length
        resolve(count)
      })
    })
    const socket = net.connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
    socket.write('CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n')
    socket.resume()
    await once(socket, 'end')
    socket.end(Buffer.alloc(size))
    expect(await received).toBe(size)
  })
})
