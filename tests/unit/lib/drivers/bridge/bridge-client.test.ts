import http from 'node:http'
import { type Duplex, duplexPair } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CloneCommand, PROTOCOL_VERSION } from '../../../../../container/contract/bridge.ts'
import { systemClock } from '../../../../../lib/clock.ts'
import { createBridgeClient } from '../../../../../lib/drivers/bridge/bridge-client.ts'
import type { BridgeClient, BridgeMessage } from '../../../../../lib/drivers/bridge/port.ts'
import { sampleCommand } from '../../../../support/bridge-rig.ts'

const HEALTH = {
  protocol: PROTOCOL_VERSION,
  bridgeVersion: '1',
  incarnation: 'inc_1',
  journalId: 'jnl_1',
  lastN: 0,
  runner: { connected: true },
  tunnel: { control: false, egress: false },
  run: null,
  workspace: { cloned: false },
}
const CLONE: CloneCommand = {
  repository: 'octo/sample',
  sourceBranch: 'main',
  targetBranch: 'berth/fix',
  adoptTargetBranch: false,
  user: { name: 'Ada', email: 'ada@example.com' },
}

let server: http.Server
let answer: http.RequestListener
let sockets: Duplex[]
let client: BridgeClient

/** Plain duplex pairs, as a relay gives them: nothing of net.Socket may be needed. */
async function dial(): Promise<Duplex> {
  const [ours, theirs] = duplexPair()
  sockets.push(ours, theirs)
  server.emit('connection', theirs)
  return ours
}

beforeEach(() => {
  sockets = []
  answer = (_request, response) => sendJson(response, 200, HEALTH)
  server = http.createServer((request, response) => answer(request, response))
  client = createBridgeClient({ token: 'secret', dial })
})

afterEach(() => {
  for (const socket of sockets) socket.destroy()
})

function sendJson(response: http.ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(value))
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('a command', () => {
  it('carries the token and its body, over a connection of its own', async () => {
    const seen: unknown[] = []
    answer = async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      seen.push([request.method, request.url, request.headers.authorization, JSON.parse(body)])
      sendJson(response, 202, { ended: true })
    }
    expect(await client.cancel('run_1')).toEqual({ ended: true })
    expect(await client.cancel('run_2')).toEqual({ ended: true })
    expect(seen[0]).toEqual(['POST', '/agent/cancel', 'Bearer secret', { runId: 'run_1' }])
    expect(sockets).toHaveLength(4)
  })

  it('fails with sandbox_lost when nobody can be dialled, or the connection breaks', async () => {
    const unreachable = createBridgeClient({ token: 'x', dial: () => Promise.reject(new Error('no such socket')) })
    await expect(unreachable.health()).rejects.toMatchObject({
      code: 'sandbox_lost',
      message: 'The bridge did not answer GET /health: no such socket',
    })
    answer = (request) => request.socket.destroy()
    await expect(client.health()).rejects.toMatchObject({ code: 'sandbox_lost' })
    answer = (_request, response) => {
      response.writeHead(200, { 'content-length': 1_000 })
      response.write('{')
      setImmediate(() => response.destroy())
    }
    await expect(client.health()).rejects.toMatchObject({ code: 'sandbox_lost' })
  })

  it("fails with the bridge's own code where it is one of the contract's", async () => {
    answer = (_request, response) => sendJson(response, 409, { code: 'state_conflict', message: 'HEAD is elsewhere.' })
    await expect(client.push({ targetBranch: 'x' })).rejects.toMatchObject({
      code: 'state_conflict',
      message: 'HEAD is elsewhere.',
    })
    answer = (_request, response) => sendJson(response, 401, { code: 'unauthenticated', message: 'No token.' })
    await expect(client.health()).rejects.toMatchObject({ code: 'upstream_failed' })
    answer = (_request, response) => response.end('<html>')
    await expect(client.health()).rejects.toMatchObject({ code: 'upstream_failed' })
    answer = (_request, response) => sendJson(response, 200, { protocol: 'x' })
    await expect(client.health()).rejects.toMatchObject({ code: 'upstream_failed' })
    answer = (_request, response) => sendJson(response, 200, { sha: '\0', head: 'a'.repeat(40), ahead: 1 })
    const command = { message: 'Fix it', author: { name: 'Ada', email: 'ada@example.com' } }
    await expect(client.commit(command)).rejects.toMatchObject({ code: 'upstream_failed' })
    const state = { cloned: true, head: 'a'.repeat(40), branch: 'main', digest: null }
    answer = (_request, response) => sendJson(response, 200, { ...state, head: '\0' })
    await expect(client.workspaceState()).rejects.toMatchObject({ code: 'upstream_failed' })
    answer = (_request, response) => sendJson(response, 200, { ...state, more: 'x'.repeat(100_000) })
    expect(await client.workspaceState()).toEqual(state)
  })

  it('ends with the reason of its signal', async () => {
    answer = () => undefined
    const abort = new AbortController()
    const health = client.health(abort.signal)
    abort.abort(new Error('no longer wanted'))
    await expect(health).rejects.toThrow('no longer wanted')
  })

  it.each([
    ['a cancel', 'POST /agent/cancel', 30, (of: BridgeClient) => of.cancel('run_1')],
    [
      'a commit',
      'POST /workspace/commit',
      1_200,
      (of: BridgeClient) => of.commit({ message: 'm', author: CLONE.user }),
    ],
    ['a push', 'POST /workspace/push', 1_200, (of: BridgeClient) => of.push({ targetBranch: 'berth/fix' })],
  ])('that takes too long is a lost sandbox, and named: %s', async (_what, request, seconds, ask) => {
    const asked: number[] = []
    const time = Promise.withResolvers<void>()
    const sleep = (ms: number) => {
      asked.push(ms)
      return time.promise
    }
    answer = () => time.resolve()
    const late = createBridgeClient({ token: 'secret', dial }, { ...systemClock, sleep })
    await expect(ask(late)).rejects.toMatchObject({
      code: 'sandbox_lost',
      message: `The bridge did not answer ${request} within ${seconds} s.`,
    })
    expect(asked).toEqual([seconds * 1_000])
    expect(sockets[0]?.destroyed).toBe(true)
  })

  it('that begins to answer and does not end is late, too', async () => {
    const time = Promise.withResolvers<void>()
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"ok":')
      setImmediate(time.resolve)
    }
    const late = createBridgeClient({ token: 'secret', dial }, { ...systemClock, sleep: () => time.promise })
    await expect(late.push({ targetBranch: 'berth/fix' })).rejects.toMatchObject({
      code: 'sandbox_lost',
      message: expect.stringContaining('POST /workspace/push within'),
    })
  })

  it('tells a refused execute from a failed one', async () => {
    answer = (_request, response) => sendJson(response, 409, { code: 'history_needed', message: 'Send it.' })
    expect(await client.execute(sampleCommand)).toEqual({
      accepted: false,
      code: 'history_needed',
      message: 'Send it.',
    })
    answer = (_request, response) => sendJson(response, 500, { code: 'internal', message: 'Oh.' })
    await expect(client.execute(sampleCommand)).rejects.toMatchObject({ code: 'internal' })
  })

  it('does not swallow an answer without end', async () => {
    answer = (_request, response) => {
      const push = () => {
        while (!response.destroyed && response.write('x'.repeat(100_000)));
        if (!response.destroyed) response.once('drain', push)
      }
      push()
    }
    await expect(client.health()).rejects.toMatchObject({ code: 'upstream_failed' })
  })
})

describe('waiting until ready', () => {
  it('asks again until the bridge answers', async () => {
    let asked = 0
    answer = (request, response) => {
      asked += 1
      if (asked < 4) request.socket.destroy()
      else sendJson(response, 200, HEALTH)
    }
    expect(await client.waitUntilReady(5_000)).toMatchObject({ journalId: 'jnl_1' })
    expect(asked).toBe(4)
  })

  it('gives up at its deadline with the last failure as the cause', async () => {
    const refusing = createBridgeClient({ token: 'x', dial: () => Promise.reject(new Error('nothing listens')) })
    const failure = await refusing.waitUntilReady(120).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'sandbox_lost', message: 'The bridge did not answer within 120 ms.' })
    expect((failure as Error).cause).toMatchObject({ message: expect.stringContaining('nothing listens') })
  })

  it('does not wait for a bridge that refuses it', async () => {
    answer = (_request, response) => sendJson(response, 401, { code: 'unauthenticated', message: 'No.' })
    await expect(client.waitUntilReady(5_000)).rejects.toMatchObject({ code: 'upstream_failed' })
  })
})

describe('events', () => {
  const read = (...parts: string[]): Promise<BridgeMessage[]> => {
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const part of parts) response.write(part)
      response.end()
    }
    return collect(client.events({ journalId: 'jnl_1', after: 3 }, new AbortController().signal))
  }
  const event = { n: 4, type: 'text', runId: 'run_1', at: '2026-01-01T00:00:00.000Z', data: { text: 'é', extra: 1 } }

  it('are asked for from a position and read as they come, unknown fields kept', async () => {
    const asked = new Promise((resolve) => {
      server.once('request', (request: http.IncomingMessage) => resolve(request.url))
    })
    const text = `id: 4\nevent: event\ndata: ${JSON.stringify(event)}\n\n`
    const messages = await read(
      'event: hello\ndata: {"journalId":"jnl_1","lastN":4}\n\n: still here\n\n',
      text.slice(0, 30),
      text.slice(30),
      'event: delta\ndata: {"type":"text_delta","runId":null,"data":{"messageId":"m","offset":0,"delta":"x"}}\n\n',
    )
    expect(await asked).toBe('/agent/events?after=3&journalId=jnl_1')
    expect(messages).toEqual([
      { kind: 'hello', hello: { journalId: 'jnl_1', lastN: 4 } },
      { kind: 'event', event },
      { kind: 'delta', delta: { type: 'text_delta', runId: null, data: { messageId: 'm', offset: 0, delta: 'x' } } },
    ])
  })

  it('that are not of the contract keep their place', async () => {
    expect(
      await read(
        'id: 4\nevent: event\ndata: {"n":4}\n\n',
        'id: 5\nevent: event\ndata: not json\n\n',
        `id: 9\nevent: event\ndata: ${JSON.stringify(event)}\n\n`,
        'event: weather\ndata: {}\n\n',
        'event: hello\ndata: {}\n\n',
      ),
    ).toEqual([
      { kind: 'malformed', n: 4, reason: expect.stringContaining('type:') },
      { kind: 'malformed', n: 5, reason: expect.any(String) },
      { kind: 'malformed', n: 9, reason: 'The event is not of the contract: its id is not its number' },
      { kind: 'malformed', n: null, reason: 'A message "weather" is not of the contract.' },
      { kind: 'malformed', n: null, reason: 'A message "hello" is not of the contract.' },
    ])
  })

  it('end with the connection, however it ends, and with the signal', async () => {
    answer = (_request, response) => {
      response.writeHead(200)
      response.write('event: hello\ndata: {"journalId":"jnl_1","lastN":0}\n\n')
      setImmediate(() => response.destroy())
    }
    expect(await collect(client.events({ journalId: null, after: 0 }, new AbortController().signal))).toHaveLength(1)

    answer = (_request, response) => {
      response.writeHead(200)
      response.write('event: hello\ndata: {"journalId":"jnl_1","lastN":0}\n\n')
    }
    const abort = new AbortController()
    const messages: BridgeMessage[] = []
    for await (const message of client.events({ journalId: null, after: 0 }, abort.signal)) {
      messages.push(message)
      abort.abort()
    }
    expect(messages).toHaveLength(1)
    expect(await collect(client.events({ journalId: null, after: 0 }, abort.signal))).toEqual([])
  })

  it('refuse to grow without end', async () => {
    answer = (_request, response) => {
      response.writeHead(200)
      const push = () => {
        while (!response.destroyed && response.write(`data: ${'x'.repeat(1_000_000)}`));
        if (!response.destroyed) response.once('drain', push)
      }
      push()
    }
    const events = client.events({ journalId: null, after: 0 }, new AbortController().signal)
    await expect(collect(events)).rejects.toMatchObject({
      code: 'payload_too_large',
      message: 'The bridge sent an event of more than 8 MiB.',
    })
  })

  it('are read no further than their reader has room: the bridge waits', async () => {
    let sent = 0
    const delta = { type: 'text_delta', runId: null, data: { messageId: 'm', offset: 0, delta: 'x'.repeat(60_000) } }
    answer = (_request, response) => {
      response.writeHead(200)
      const push = () => {
        do sent += 1
        while (response.write(`event: delta\ndata: ${JSON.stringify(delta)}\n\n`))
      }
      response.on('drain', push)
      push()
    }
    const ending = new AbortController()
    const room = Promise.withResolvers<void>()
    const pieces: number[] = []
    const onPiece = async (bytes: number) => {
      pieces.push(bytes)
      if (pieces.length === 3) await room.promise
    }
    const reading = collect(client.events({ journalId: null, after: 0 }, ending.signal, onPiece))
    for (let before = -1; sent !== before || pieces.length < 3; ) {
      before = sent
      for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(pieces).toHaveLength(3)
    expect(sent).toBeLessThan(20)
    ending.abort()
    room.resolve()
    await reading
  })
})

describe('a clone', () => {
  it('yields progress, then its result', async () => {
    const progress = { phase: 'Receiving objects', percent: 5, line: 'x' }
    answer = (_request, response) => {
      response.write(`${JSON.stringify({ progress })}\n`)
      response.end(`${JSON.stringify({ result: { head: 'a', branch: 'b', existing: false } })}\n`)
    }
    expect(await collect(client.clone(CLONE))).toEqual([
      { progress },
      { result: { head: 'a', branch: 'b', existing: false } },
    ])
  })

  it('that ends without a result is a lost sandbox', async () => {
    answer = (_request, response) => response.end('')
    await expect(collect(client.clone(CLONE))).rejects.toMatchObject({ code: 'sandbox_lost' })
    answer = (_request, response) => {
      response.write('{"progress":')
      setImmediate(() => response.destroy())
    }
    await expect(collect(client.clone(CLONE))).rejects.toMatchObject({ code: 'sandbox_lost' })
  })
})

describe('a tunnel', () => {
  it('is the upgraded connection, with what came right behind the answer', async () => {
    server.on('upgrade', (request: http.IncomingMessage, socket: Duplex) => {
      expect([request.url, request.headers.upgrade]).toEqual(['/tunnel?kind=egress&fence=7', 'berth-tunnel'])
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: berth-tunnel\r\n\r\nfirst bytes',
      )
    })
    const socket = await client.openTunnel('egress', 7)
    const chunk = await new Promise((resolve) => socket.once('data', resolve))
    expect(String(chunk)).toBe('first bytes')
  })

  it('that is not answered is given up with its signal', async () => {
    const asked = Promise.withResolvers<void>()
    server.on('upgrade', () => asked.resolve())
    const ending = new AbortController()
    const opened = client.openTunnel('control', 1, ending.signal)
    await asked.promise
    ending.abort(new Error('no longer wanted'))
    await expect(opened).rejects.toThrow('no longer wanted')
    expect(sockets[0]?.destroyed).toBe(true)
  })

  it('that is refused says why', async () => {
    server.on('upgrade', (_request, socket: Duplex) => {
      const body = '{"code":"state_conflict","message":"too old"}'
      socket.end(`HTTP/1.1 409 Conflict\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    })
    await expect(client.openTunnel('control', 1)).rejects.toMatchObject({ code: 'state_conflict', message: 'too old' })
  })
})
