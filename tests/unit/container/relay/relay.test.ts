import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RELAY_GO } from '../../../../container/contract/relay.ts'

const MAIN = path.resolve(import.meta.dirname, '../../../../container/relay/main.ts')
const MEGABYTE = 1024 * 1024

type Relay = ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable }

describe('the relay', () => {
  let folder: string
  let socketPath: string
  const relays: Relay[] = []
  const servers: net.Server[] = []
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-relay-'))
    socketPath = path.join(folder, 'bridge.sock')
  })
  afterEach(async () => {
    for (const relay of relays.splice(0)) relay.kill('SIGKILL')
    for (const server of servers.splice(0)) server.close()
    await rm(folder, { recursive: true, force: true })
  })

  const start = () => {
    const relay = spawn(process.execPath, [MAIN, socketPath], { stdio: 'pipe' }) as Relay
    relays.push(relay)
    return relay
  }
  const listen = async (onConnection: (socket: net.Socket) => void, allowHalfOpen = true) => {
    const server = net.createServer({ allowHalfOpen }, onConnection)
    servers.push(server)
    server.listen(socketPath)
    await once(server, 'listening')
    return server
  }
  const exitCode = async (relay: Relay) => (relay.exitCode === null ? (await once(relay, 'exit'))[0] : relay.exitCode)

  it('carries bytes both ways, megabytes of them at once', async () => {
    await listen((socket) => socket.pipe(socket))
    const relay = start()
    const sent = randomBytes(8 * MEGABYTE)
    relay.stdin.end(Buffer.concat([Buffer.from(RELAY_GO), sent]))
    const received = await buffer(relay.stdout)
    expect(received.toString('latin1', 0, 22)).toBe('berth-relay connected\n')
    expect(received.subarray(22).equals(sent)).toBe(true)
    expect(await exitCode(relay)).toBe(0)
  })

  it('passes on that one side has ended, and what the other still says', async () => {
    await listen(async (socket) => socket.end(`heard: ${await text(socket)}`))
    const relay = start()
    relay.stdin.end(`${RELAY_GO}all of it`)
    expect(await text(relay.stdout)).toBe('berth-relay connected\nheard: all of it')
    expect(await exitCode(relay)).toBe(0)
  })

  it('takes no more from a socket than its reader takes', async () => {
    let sent = 0
    const chunk = Buffer.alloc(64 * 1024)
    const connected = Promise.withResolvers<net.Socket>()
    await listen((socket) => {
      const write = () => {
        while (!socket.destroyed && socket.write(chunk)) sent += chunk.length
        socket.once('drain', write)
      }
      write()
      connected.resolve(socket)
    })
    const relay = start()
    relay.stdin.write(RELAY_GO)
    const socket = await connected.promise
    // Nobody reads what the relay writes: the writer must come to a stop.
    await expect.poll(() => socket.writableNeedDrain, { timeout: 5_000 }).toBe(true)
    await expect
      .poll(
        async () => {
          const before = sent
          await new Promise((resolve) => setTimeout(resolve, 100))
          return sent === before
        },
        { timeout: 5_000 },
      )
      .toBe(true)
    expect(sent).toBeLessThan(4 * MEGABYTE)
    socket.destroy()
  })

  it('waits a moment for a socket that is not there yet', async () => {
    const relay = start()
    relay.stdin.write(RELAY_GO)
    await once(relay, 'spawn')
    await listen((socket) => socket.end('hello'))
    expect(await text(relay.stdout)).toBe('berth-relay connected\nhello')
  })

  it('says why it could not connect', async () => {
    const relay = start()
    relay.stdin.write(RELAY_GO)
    expect(await text(relay.stdout)).toBe('berth-relay ENOENT\n')
    expect(await exitCode(relay)).toBe(1)
  })

  it('connects to nothing before it is told to, and ends when its input does', async () => {
    let connections = 0
    await listen(() => {
      connections += 1
    })
    const relay = start()
    relay.stdin.end()
    expect(await text(relay.stdout)).toBe('')
    expect(await exitCode(relay)).toBe(0)
    expect(connections).toBe(0)
  })

  it('ends with a connection whose other side went away', async () => {
    const closed = Promise.withResolvers<void>()
    await listen((socket) => {
      socket.write('a stream without an end')
      socket.once('close', () => closed.resolve())
    }, false)
    const relay = start()
    relay.stdin.write(RELAY_GO)
    await once(relay.stdout, 'data')
    relay.stdin.end()
    await closed.promise
    relay.stdout.resume()
    expect(await exitCode(relay)).toBe(0)
  })

  it('ends when the socket closes, although its input goes on', async () => {
    await listen((socket) => socket.end('bye'))
    const relay = start()
    relay.stdin.write(RELAY_GO)
    expect(await text(relay.stdout)).toBe('berth-relay connected\nbye')
    expect(await exitCode(relay)).toBe(0)
  })
})
