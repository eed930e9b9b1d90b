import { duplexPair } from 'node:stream'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createTunnelLink } from '../../../../../container/bridge/tunnel/tunnel-link.ts'
import { silentLogger } from '../../../../../lib/logger.ts'
import { attachPeer } from '../../../../support/tunnel-peer.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
})

afterEach(() => {
  vi.useRealTimers()
})

it('gives up a tunnel whose other end answers no ping', async () => {
  const link = createTunnelLink({ kind: 'control', logger: silentLogger })
  const [ours, theirs] = duplexPair()
  theirs.resume()
  link.attach(ours)
  await vi.advanceTimersByTimeAsync(15_000)
  expect(link.connected()).toBe(true)
  await vi.advanceTimersByTimeAsync(20_000)
  expect(link.connected()).toBe(false)
})

it('keeps one whose other end does', async () => {
  const link = createTunnelLink({ kind: 'control', logger: silentLogger })
  const [ours, theirs] = duplexPair()
  const peer = attachPeer(theirs, () => undefined)
  let pings = 0
  peer.session.on('ping', () => {
    pings += 1
  })
  link.attach(ours)
  while (pings < 5) {
    await vi.advanceTimersByTimeAsync(1_000)
    await new Promise(setImmediate)
  }
  expect(link.connected()).toBe(true)
  link.close()
  await peer.closed
})

it('turns requests away when too many wait', async () => {
  const link = createTunnelLink({ kind: 'control', logger: silentLogger })
  const waiting = Array.from({ length: 2_000 }, () => link.open({ ':path': '/' }).catch(() => 'closed'))
  await expect(link.open({ ':path': '/' })).rejects.toMatchObject({ code: 'flooded' })
  link.close()
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['closed']))
})
