import { once } from 'node:events'
import type { ServerHttp2Stream } from 'node:http2'
import { addAbortSignal, type Duplex, duplexPair } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPullRequestOpener } from '../../../../../container/bridge/tunnel/pull-request.ts'
import { createTunnelFetch } from '../../../../../container/bridge/tunnel/tunnel-fetch.ts'
import { createTunnelLink, type TunnelLink } from '../../../../../container/bridge/tunnel/tunnel-link.ts'
import { REFUSAL_CODE_HEADER, REFUSAL_REASON_HEADER, RUN_HEADER } from '../../../../../container/contract/tunnel.ts'
import { silentLogger } from '../../../../../lib/logger.ts'
import { attachPeer, type StreamHandler, type TunnelPeer } from '../../../../support/tunnel-peer.ts'

let link: TunnelLink
let tunnelFetch: typeof fetch
let peers: TunnelPeer[]
let serve: StreamHandler

/** Brings a tunnel up over a plain duplex pair, as a relay would. */
function bringTunnel(): TunnelPeer {
  const [ours, theirs]: [Duplex, Duplex] = duplexPair()
  const peer = attachPeer(theirs, (...args) => serve(...args))
  peers.push(peer)
  link.attach(ours)
  return peer
}

beforeEach(() => {
  link = createTunnelLink({ kind: 'control', logger: silentLogger })
  tunnelFetch = createTunnelFetch(link)
  peers = []
  serve = (stream) => stream.close()
})

afterEach(async () => {
  link.close()
  await Promise.all(peers.map((peer) => peer.closed))
})

describe('fetch over the tunnel', () => {
  it('sends method, path, headers and body, and gives back status, headers and body', async () => {
    bringTunnel()
    serve = async (stream, headers) => {
      let body = ''
      for await (const chunk of stream.setEncoding('utf8')) body += chunk
      const { ':method': method, ':authority': authority, ':path': path, [RUN_HEADER]: run } = headers
      stream.respond({ ':status': 202, 'content-type': 'application/json' })
      stream.end(JSON.stringify({ method, authority, path, run, body }))
    }
    const response = await tunnelFetch('http://model.berth/v1/chat?x=1', {
      method: 'POST',
      headers: { [RUN_HEADER]: 'run_1', 'content-type': 'application/json' },
      body: '{"a":1}',
    })
    expect(response.status).toBe(202)
    expect(response.headers.get('content-type')).toBe('application/json')
    expect(await response.json()).toEqual({
      method: 'POST',
      authority: 'model.berth',
      path: '/v1/chat?x=1',
      run: 'run_1',
      body: '{"a":1}',
    })
  })

  it('gives each part of the body as it comes', async () => {
    bringTunnel()
    const served = new Promise<ServerHttp2Stream>((resolve) => {
      serve = (stream) => {
        stream.respond({ ':status': 200 })
        stream.write('data: 1\n\n')
        resolve(stream)
      }
    })
    const response = await tunnelFetch('http://model.berth/')
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect(await reader?.read()).toEqual({ done: false, value: 'data: 1\n\n' })
    ;(await served).end('data: 2\n\n')
    expect(await reader?.read()).toEqual({ done: false, value: 'data: 2\n\n' })
    expect(await reader?.read()).toEqual({ done: true, value: undefined })
  })

  it('leaves what nobody reads with the sender', async () => {
    bringTunnel()
    let written = 0
    const stalled = new Promise<void>((resolve) => {
      serve = (stream) => {
        stream.respond({ ':status': 200 })
        const push = (): void => {
          while (written < 100_000_000) {
            written += 64 * 1024
            if (stream.write(Buffer.alloc(64 * 1024))) continue
            const wait = setTimeout(resolve, 200)
            stream.once('drain', () => {
              clearTimeout(wait)
              push()
            })
            return
          }
        }
        push()
      }
    })
    const response = await tunnelFetch('http://model.berth/')
    await stalled
    expect(written).toBeLessThan(8_000_000)
    await response.body?.cancel()
  })

  it('waits while there is no tunnel, and goes out when one comes', async () => {
    serve = (stream) => {
      stream.respond({ ':status': 204 })
      stream.end()
    }
    const answer = tunnelFetch('http://model.berth/')
    bringTunnel()
    expect((await answer).status).toBe(204)
  })

  it('stops waiting when the signal aborts, with its reason', async () => {
    const abort = new AbortController()
    const answer = tunnelFetch('http://model.berth/', { signal: abort.signal })
    abort.abort(new Error('cancelled by a person'))
    await expect(answer).rejects.toThrow('cancelled by a person')
    await expect(tunnelFetch('http://model.berth/', { signal: abort.signal })).rejects.toThrow('cancelled by a person')
  })

  it('resets the stream when it is aborted in the middle of the answer', async () => {
    bringTunnel()
    const closed = new Promise<number | undefined>((resolve) => {
      serve = (stream) => {
        stream.respond({ ':status': 200 })
        stream.write('half')
        stream.once('close', () => resolve(stream.rstCode))
      }
    })
    const abort = new AbortController()
    const response = await tunnelFetch('http://model.berth/', { signal: abort.signal })
    const text = response.text()
    abort.abort(new Error('cancelled by a person'))
    await expect(text).rejects.toThrow('cancelled by a person')
    expect(await closed).not.toBe(0)
  })

  it('throws as fetch does when the tunnel breaks before the answer', async () => {
    const peer = bringTunnel()
    serve = () => peer.kill()
    await expect(tunnelFetch('http://model.berth/')).rejects.toThrow(TypeError('fetch failed'))
  })

  it('never gives a cut body for a whole one', async () => {
    const peer = bringTunnel()
    const cuts = [
      (stream: ServerHttp2Stream) => stream.destroy(new Error('cut')),
      // Resets with CANCEL, of which the reader hears no error.
      (stream: ServerHttp2Stream) => addAbortSignal(AbortSignal.abort(), stream),
      () => peer.kill(),
    ]
    for (const cut of cuts) {
      const served = new Promise<ServerHttp2Stream>((resolve) => {
        serve = (stream) => {
          stream.respond({ ':status': 200 })
          stream.write('the first half')
          resolve(stream)
        }
      })
      const response = await tunnelFetch('http://model.berth/')
      cut(await served)
      await expect(response.text()).rejects.toThrow(TypeError('terminated'))
    }
  })

  it('sends at most 32 requests at once, the others in turn', async () => {
    bringTunnel()
    let open = 0
    let most = 0
    serve = (stream) => {
      open += 1
      most = Math.max(most, open)
      setImmediate(() => {
        open -= 1
        stream.respond({ ':status': 200 })
        stream.end('x')
      })
    }
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => (await tunnelFetch('http://model.berth/')).text()),
    )
    expect(answers).toHaveLength(100)
    expect(most).toBeLessThanOrEqual(32)
  })

  it('fails the streams of a tunnel whose place another takes', async () => {
    bringTunnel()
    const arrived = new Promise<void>((resolve) => {
      serve = () => resolve()
    })
    const answer = tunnelFetch('http://model.berth/')
    const failed = expect(answer).rejects.toThrow('fetch failed')
    await arrived
    const second = bringTunnel()
    await failed
    await once(second.session, 'remoteSettings')
    expect(link.connected()).toBe(true)
  })
})

describe('asking for a pull request', () => {
  const ask = () =>
    createPullRequestOpener(tunnelFetch)(
      { title: 'Fix it', body: 'Why' },
      { runId: 'run_1', signal: new AbortController().signal },
    )

  it('answers with its number and address', async () => {
    bringTunnel()
    let run: unknown
    serve = (stream, headers) => {
      run = headers[RUN_HEADER]
      stream.respond({ ':status': 200, 'content-type': 'application/json' })
      stream.end(JSON.stringify({ number: 7, url: 'https://example.com/pull/7', action: 'opened' }))
    }
    expect(await ask()).toEqual({ number: 7, url: 'https://example.com/pull/7', action: 'opened' })
    expect(run).toBe('run_1')
  })

  it("fails with the control plane's words", async () => {
    bringTunnel()
    serve = (stream) => {
      stream.respond({ ':status': 409, [REFUSAL_CODE_HEADER]: 'x', [REFUSAL_REASON_HEADER]: 'Push the branch first.' })
      stream.end('{}')
    }
    await expect(ask()).rejects.toThrow('Push the branch first.')
    serve = (stream) => {
      stream.respond({ ':status': 500 })
      stream.end('oops')
    }
    await expect(ask()).rejects.toThrow('The pull request was not opened: the control plane answered 500.')
  })
})
