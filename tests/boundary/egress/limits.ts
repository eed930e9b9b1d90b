/** What one sandbox may take of its way out: streams, headers, time, memory. Its other tunnel is never held up. */
import { once } from 'node:events'
import { expect } from 'vitest'
import { INITIAL_WINDOW_BYTES, MAX_HEADER_BYTES, MAX_STREAMS } from '../../../container/contract/tunnel.ts'
import type { BoundaryAgent } from '../../support/boundary-rig.ts'
import { curl, openHostileTunnel, speak, writeConnect } from '../../support/egress-stage.ts'
import { USUAL_ANSWER } from '../../support/egress-world.ts'
import { PLAIN_HTTP } from '../../support/tunnel-rig.ts'
import type { EgressSuite } from './suite.ts'

const MIB = 1024 * 1024
const WAIT = { timeout: 30_000, interval: 50 }

/** Opens `count` tunnels at once and reads each to its end; prints how many brought "hi". */
const OPEN_MANY = (count: number, authority: string) => `python3 -c '
import socket, threading
heard = []
def one():
    s = socket.create_connection(("127.0.0.1", 3128)); s.settimeout(60)
    s.sendall(b"CONNECT ${authority} HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
    said = b""
    while True:
        part = s.recv(65536)
        if not part: break
        said += part
    heard.append(said.endswith(b"hi"))
all = [threading.Thread(target=one) for _ in range(${count})]
[t.start() for t in all]; [t.join() for t in all]
print(sum(heard))'`

/** Opens `count` tunnels, reads the head of each answer and nothing more, until /tmp/enough is there. */
const READ_NOTHING = (count: number, authority: string) => `python3 -c '
import os, socket, time
held = []
for _ in range(${count}):
    s = socket.create_connection(("127.0.0.1", 3128))
    s.sendall(b"CONNECT ${authority} HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
    s.recv(16)
    held.append(s)
while not os.path.exists("/tmp/enough"): time.sleep(0.05)'`

export function tryLimits({ attempt, stage }: EgressSuite): void {
  /** The other tunnel: a request of git. */
  const expectGitWorks = async (agent: BoundaryAgent) =>
    expect((await agent.sh('git ls-remote origin')).output).toContain('refs/heads/main')

  attempt('more connections at once than the tunnel has streams', async () => {
    const { main, raw } = stage()
    let most = 0
    let isFull = true
    raw.serve = (socket) => {
      most = Math.max(most, raw.sockets.size)
      if (!isFull) socket.end('hi')
    }
    const opened = main.sh(OPEN_MANY(200, `raw.direct.test:${raw.port}`))
    await expect.poll(() => raw.sockets.size, WAIT).toBe(MAX_STREAMS.egress)
    await expectGitWorks(main)
    expect(raw.sockets.size).toBe(MAX_STREAMS.egress)
    isFull = false
    for (const socket of raw.sockets) socket.end('hi')
    expect((await opened).output).toBe('200\n')
    expect(most).toBe(MAX_STREAMS.egress)
  })

  attempt('more streams at once than a bridge may open', async () => {
    const { main, raw } = stage()
    raw.serve = () => undefined
    const tunnel = await openHostileTunnel(stage(), main)
    const outcomes = Array.from({ length: 400 }, async () => {
      const authority = `raw.direct.test:${raw.port}`
      const stream = tunnel.session.request({ ':method': 'CONNECT', ':authority': authority }, { endStream: false })
      stream.on('error', () => undefined)
      return Promise.race([
        once(stream, 'response').then(() => 'open'),
        once(stream, 'close').then(() => 'refused'),
      ]).catch(() => 'refused')
    })
    const counts = { open: 0, refused: 0 }
    for (const outcome of await Promise.all(outcomes)) counts[outcome as keyof typeof counts] += 1
    expect(counts.open).toBeLessThanOrEqual(2 * MAX_STREAMS.egress)
    expect(counts.open + counts.refused).toBe(400)
    tunnel.close()
    await expect.poll(() => raw.sockets.size, WAIT).toBe(0)
    expect(await curl(main, 'https://listed.test/')).toContain(USUAL_ANSWER)
  })

  attempt('headers larger than the limit', async () => {
    const { main } = stage()
    const large = `h=$(head -c ${MAX_HEADER_BYTES} /dev/zero | tr '\\0' a)`
    const said = await main.sh(
      `${large}; printf 'GET http://listed.test/ HTTP/1.1\\r\\nx: %s\\r\\n\\r\\n' $h > /tmp/large; curl -sSi -m 20 -H @/dev/stdin http://listed.test/ <<< "x: $h"`,
    )
    expect(said.output).toContain(`HTTP/1.1 431 The headers are larger than ${MAX_HEADER_BYTES} bytes.`)
    const tunnel = await openHostileTunnel(stage(), main)
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`x-${index}`, 'y']))
    for (const headers of [{ x: 'y'.repeat(2 * MAX_HEADER_BYTES) }, many]) {
      const stream = tunnel.session.request({ ':authority': 'listed.test', ':path': '/', ...PLAIN_HTTP, ...headers })
      stream.on('error', () => undefined)
      const outcome = Promise.race([
        once(stream, 'response').then(([answer]) => answer[':status']),
        once(stream, 'close'),
      ])
      expect(await outcome.catch(() => 'refused')).not.toBe(200)
    }
    tunnel.close()
    expect(await curl(main, 'https://listed.test/')).toContain(USUAL_ANSWER)
  })

  attempt('a connection that says nothing', async () => {
    const { main } = stage()
    expect(await speak(main, writeConnect('listed.test:443'))).toBe('HTTP/1.1 200 Connection established\r\n\r\n')
  })

  attempt('a reader that does not read', async () => {
    const { main, raw } = stage()
    const count = 20
    const piece = Buffer.alloc(MIB / 4)
    let sent = 0
    raw.serve = (socket) => {
      const fill = () => {
        while (socket.writable && socket.writableLength === 0) {
          sent += piece.length
          socket.write(piece)
        }
      }
      socket.on('drain', fill)
      fill()
    }
    await main.sh('rm -f /tmp/enough')
    const reading = main.sh(READ_NOTHING(count, `raw.direct.test:${raw.port}`))
    await expect.poll(() => raw.sockets.size, WAIT).toBe(count)
    let seen = -1
    const isStill = () => {
      const before = seen
      seen = sent
      return seen === before
    }
    await expect.poll(isStill, { timeout: 60_000, interval: 1_000 }).toBe(true)
    // A window of the tunnel, and what the sockets on both ends of it take: never what the host would send.
    expect(sent / count).toBeLessThan(INITIAL_WINDOW_BYTES + 16 * MIB)
    expect(await curl(main, 'https://listed.test/')).toContain(USUAL_ANSWER)
    await expectGitWorks(main)
    await main.sh('touch /tmp/enough')
    await reading
    await expect.poll(() => raw.sockets.size, WAIT).toBe(0)
  })
}
