import { once } from 'node:events'
import { lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createBridgeClient } from '../../lib/drivers/bridge/bridge-client.ts'
import type { BridgeMessage } from '../../lib/drivers/bridge/port.ts'
import { type BridgeRig, dial, sampleCommand, startBridgeRig } from '../support/bridge-rig.ts'
import { attachPeer } from '../support/tunnel-peer.ts'

let rig: BridgeRig
let leaving: AbortController

beforeEach(async () => {
  rig = await startBridgeRig()
  leaving = new AbortController()
})

afterEach(async () => {
  leaving.abort()
  await rig.close()
})

function say(text: string, messageId = 'm1') {
  return rig.parts.journal.append({ type: 'text', runId: 'run_1', data: { step: 1, messageId, text } })
}

function listen(position: { journalId: string | null; after: number }) {
  return rig.client.events(position, leaving.signal)[Symbol.asyncIterator]()
}

async function take(messages: AsyncIterator<BridgeMessage>, count: number): Promise<BridgeMessage[]> {
  const taken: BridgeMessage[] = []
  while (taken.length < count) {
    const next = await messages.next()
    if (next.done) break
    taken.push(next.value)
  }
  return taken
}

/** One request as it stands, answered with status and body. */
async function ask(input: { method?: string; path: string; token?: string; body?: string | Buffer }) {
  const socket = await dial(rig.socketPath)
  const request = http.request({
    createConnection: () => socket,
    method: input.method ?? 'GET',
    path: input.path,
    headers: {
      connection: 'close',
      ...(input.token === '' ? {} : { authorization: `Bearer ${input.token ?? rig.target.token}` }),
    },
  })
  request.end(input.body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  return { status: response.statusCode, body: JSON.parse(text) as Record<string, unknown> }
}

describe('the socket', () => {
  it('is open to every local user, because each request needs the token', () => {
    expect(lstatSync(rig.socketPath).isSocket()).toBe(true)
    expect(statSync(rig.socketPath).mode & 0o777).toBe(0o666)
  })

  it('refuses every request and upgrade without the token, or with another', async () => {
    for (const token of ['', 'wrong', `${rig.target.token}x`]) {
      for (const place of ['/health', '/agent/events', '/nothing']) {
        expect(await ask({ path: place, token })).toMatchObject({ status: 401, body: { code: 'unauthenticated' } })
      }
    }
    const stranger = createBridgeClient({ ...rig.target, token: 'wrong' })
    await expect(stranger.openTunnel('control', 1)).rejects.toThrow('Requests to the bridge carry the token')
    expect((await rig.client.health()).tunnel.control).toBe(false)
  })

  it('takes the place of a socket that a killed bridge left, and never that of a living one', async () => {
    await expect(startOver(rig)).rejects.toThrow('Another bridge listens on')
    await rig.restart()
    expect((await rig.client.health()).protocol).toBe(1)
  })

  it('answers what it does not know in words, and goes on', async () => {
    expect(await ask({ path: '/nothing' })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await ask({ path: '/agent/execute' })).toMatchObject({ status: 405 })
    expect(await ask({ method: 'POST', path: '/agent/execute', body: '{' })).toMatchObject({ status: 400 })
    expect(await ask({ method: 'POST', path: '/agent/cancel', body: '{}' })).toMatchObject({
      status: 422,
      body: { code: 'validation_failed', message: expect.stringContaining('runId') },
    })
    const large = await ask({ method: 'POST', path: '/agent/cancel', body: Buffer.alloc(1024 * 1024 + 1, ' ') })
    expect(large).toMatchObject({ status: 413, body: { code: 'payload_too_large' } })
    const socket = await dial(rig.socketPath)
    socket.write('this is not HTTP\r\n\r\n')
    await once(socket, 'data')
    socket.destroy()
    expect((await rig.client.health()).journalId).toBe(rig.parts.journal.journalId)
  })
})

describe('health', () => {
  it('says which journal, run, runner, tunnel and workspace there is', async () => {
    say('a')
    await rig.client.execute(sampleCommand)
    expect(await rig.client.health()).toEqual({
      protocol: 1,
      bridgeVersion: '0.0.0-test',
      incarnation: 'inc_test',
      journalId: rig.parts.journal.journalId,
      lastN: 1,
      runner: { connected: true },
      tunnel: { control: false, egress: false },
      run: { id: 'run_1', step: 1 },
      workspace: { cloned: false },
    })
    const status = await ask({ path: '/agent/status' })
    expect(status.body).toMatchObject({ agentId: 'agt_test', lastN: 1 })
  })
})

describe('execute and cancel', () => {
  it('begins a run once, joins it when asked again, and refuses another beside it', async () => {
    expect(await rig.client.execute(sampleCommand)).toEqual({
      accepted: true,
      answer: { runId: 'run_1', joined: false },
    })
    expect(await rig.client.execute(sampleCommand)).toMatchObject({ answer: { joined: true } })
    expect(await rig.client.execute({ ...sampleCommand, runId: 'run_2' })).toEqual({
      accepted: false,
      code: 'run_in_progress',
      message: 'Run run_1 is in progress.',
    })
    expect(rig.begun).toHaveLength(1)
    expect(await rig.client.cancel('run_2')).toEqual({ ended: false })
    expect(await rig.client.cancel('run_1')).toEqual({ ended: true })
  })

  it('takes a long history', async () => {
    const history = Array.from({ length: 200 }, (_, index) => ({
      id: `evt_${index}`,
      type: 'text',
      runId: 'run_0',
      data: { text: 'x'.repeat(100_000) },
    }))
    expect(await rig.client.execute({ ...sampleCommand, history })).toMatchObject({ accepted: true })
    expect(rig.begun[0]?.history).toHaveLength(200)
  })
})

describe('events', () => {
  it('come after the position asked for, then live, each once and in order', async () => {
    for (let index = 1; index <= 300; index += 1) say(`${index} ${'x'.repeat(1_000)}`)
    const messages = listen({ journalId: rig.parts.journal.journalId, after: 100 })
    const live = (async () => {
      for (let index = 301; index <= 600; index += 1) {
        say(`${index}`)
        if (index % 10 === 0) await new Promise(setImmediate)
      }
    })()
    const [hello, ...events] = await take(messages, 501)
    await live
    expect(hello).toMatchObject({ kind: 'hello', hello: { journalId: rig.parts.journal.journalId } })
    expect(events.map((message) => message.kind === 'event' && message.event.n)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 101),
    )
  })

  it('begin at the first when the reader knows another journal', async () => {
    say('a')
    const [, first] = await take(listen({ journalId: 'jnl_other', after: 7 }), 2)
    expect(first).toMatchObject({ kind: 'event', event: { n: 1 } })
  })

  it('come from a new journal when the reader has stored more than there is', async () => {
    say('a')
    const before = rig.parts.journal.journalId
    const other = listen({ journalId: before, after: 0 })
    await take(other, 2)
    const [hello] = await take(listen({ journalId: before, after: 5 }), 1)
    expect(hello).toMatchObject({ kind: 'hello', hello: { lastN: 0 } })
    expect(rig.parts.journal.journalId).not.toBe(before)
    // The stream of the journal that was put aside ends, so that its numbers are never mixed with the new ones.
    expect((await other.next()).done).toBe(true)
  })

  it('come from a new journal when the last line of the file was torn', async () => {
    say('a')
    say('b')
    const file = path.join(rig.directory, 'state', 'journal.ndjson')
    await rig.bridge.close()
    writeFileSync(file, readFileSync(file).subarray(0, -5))
    await rig.restart()
    say('c')
    const [hello, event] = await take(listen({ journalId: null, after: 0 }), 2)
    expect(hello).toMatchObject({ hello: { journalId: rig.parts.journal.journalId, lastN: 1 } })
    expect(event).toMatchObject({ event: { n: 1, data: { text: 'c' } } })
  })

  it('let a reader who comes in the middle of a message have it whole, without doubling', async () => {
    const { journal } = rig.parts
    const delta = (text: string) => journal.delta({ type: 'text_delta', runId: 'run_1', messageId: 'm1', delta: text })
    delta('one ')
    const messages = listen({ journalId: journal.journalId, after: 0 })
    const first = await take(messages, 2)
    delta('two ')
    delta('three')
    const second = await take(messages, 1)
    const deltas = [...first.slice(1), ...second].map((message) => message.kind === 'delta' && message.delta.data)
    expect(deltas).toEqual([
      { messageId: 'm1', offset: 0, delta: 'one ' },
      { messageId: 'm1', offset: 4, delta: 'two three' },
    ])
    say('one two three')
    expect(await take(messages, 1)).toMatchObject([{ kind: 'event', event: { n: 1 } }])
    expect(journal.openMessages()).toEqual([])
  })

  it('wait in the file for a reader who does not read', async () => {
    const socket = await dial(rig.socketPath)
    socket.write(
      `GET /agent/events?after=0 HTTP/1.1\r\nhost: bridge\r\nauthorization: Bearer ${rig.target.token}\r\n\r\n`,
    )
    await once(socket, 'readable')
    let readBytes = 0
    const read = vi.spyOn(rig.parts.journal, 'read')
    for (let index = 0; index < 1_000; index += 1) {
      say('x'.repeat(100_000))
      if (index % 50 === 0) await new Promise(setImmediate)
    }
    for (const { value } of read.mock.results) readBytes += JSON.stringify(value).length
    expect(readBytes).toBeLessThan(2_000_000)
    let received = 0
    for await (const chunk of socket) {
      received += chunk.length
      if (received > 100_000_000) break
    }
    expect(received).toBeGreaterThan(100_000_000)
  })

  it('refuse a position that is none', async () => {
    expect(await ask({ path: '/agent/events?after=-1' })).toMatchObject({ status: 422 })
  })
})

describe('a tunnel', () => {
  it('is shown while it is there, and gone when the other end is', async () => {
    const socket = await rig.client.openTunnel('control', 3)
    const peer = attachPeer(socket, () => undefined)
    await once(peer.session, 'remoteSettings')
    expect((await rig.client.health()).tunnel).toEqual({ control: true, egress: false })
    peer.kill()
    await peer.closed
    await expect.poll(async () => (await rig.client.health()).tunnel.control).toBe(false)
  })

  it('of an older fence is refused; a newer one takes the place of both', async () => {
    const first = attachPeer(await rig.client.openTunnel('control', 3), () => undefined)
    const second = attachPeer(await rig.client.openTunnel('egress', 3), () => undefined)
    await expect(rig.client.openTunnel('control', 2)).rejects.toMatchObject({
      code: 'state_conflict',
      message: 'The fence 2 is older than 3: another control plane has taken this agent over.',
    })
    const third = attachPeer(await rig.client.openTunnel('control', 4), () => undefined)
    await Promise.all([first.closed, second.closed])
    expect((await rig.client.health()).tunnel).toEqual({ control: true, egress: false })
    third.kill()
    await third.closed
  })

  it('is refused in words when it is asked for wrongly', async () => {
    const socket = await dial(rig.socketPath)
    socket.write(
      `GET /tunnel?kind=other&fence=1 HTTP/1.1\r\nhost: b\r\nconnection: Upgrade\r\nupgrade: berth-tunnel\r\nauthorization: Bearer ${rig.target.token}\r\n\r\n`,
    )
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1.1 422 .*kind.* is control or egress/s)
    socket.destroy()
  })
})

async function startOver(running: BridgeRig): Promise<void> {
  const { listenOnSocket } = await import('../../container/bridge/server/listen.ts')
  const server = http.createServer()
  await listenOnSocket(server, running.socketPath)
}
