import { describe, expect, it } from 'vitest'
import { ALLOWANCE, createJournalPaces, GROWTH } from '../../../../../lib/services/sandbox/journal-paces.ts'

const MEBIBYTE = 1024 * 1024

function createWorld() {
  let nowMs = 0
  const paces = createJournalPaces({ clock: { monotonicMs: () => nowMs } })
  const spend = (messages: number, bytes = 0, agentId = 'agt') => paces.spend(agentId, { messages, bytes })
  return {
    spend,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** Reads one message after another as a follower does, waiting where it is told to. */
    read(messages: number) {
      for (let count = 0; count < messages; count += 1) nowMs += spend(1, 100).waitMs
      return nowMs
    },
  }
}

describe('the pace of a sandbox', () => {
  it('is its own as long as it is an honest one: an hour of sixty messages a second and a backlog of a day', () => {
    const { spend, pass } = createWorld()
    expect(spend(9_000, 20 * MEBIBYTE).waitMs).toBe(0)
    for (let second = 0; second < 3_600; second += 1) {
      pass(1_000)
      expect(spend(60, 100_000)).toEqual({ waitMs: 0, isNew: false })
    }
  })

  it('is that at which the allowance grows, once that is used up', () => {
    const { read } = createWorld()
    expect(read(ALLOWANCE.messages)).toBe(0)
    expect(read(GROWTH.messages * 60) / 1_000).toBeCloseTo(60, 0)
  })

  it('counts bytes as well as messages', () => {
    const { spend } = createWorld()
    expect(spend(0, ALLOWANCE.bytes).waitMs).toBe(0)
    expect(spend(0, GROWTH.bytes / 4).waitMs).toBe(250)
  })

  it('slows nobody else', () => {
    const { spend } = createWorld()
    expect(spend(ALLOWANCE.messages + 100).waitMs).toBe(500)
    expect(spend(1, 1, 'agt_other').waitMs).toBe(0)
  })

  it('is told once, until the allowance is whole again', () => {
    const { spend, pass } = createWorld()
    expect(spend(ALLOWANCE.messages + 100).isNew).toBe(true)
    pass(1_000)
    expect(spend(500)).toEqual({ waitMs: expect.any(Number), isNew: false })
    pass(60_000)
    expect(spend(1).isNew).toBe(false)
    expect(spend(ALLOWANCE.messages + 500).isNew).toBe(true)
  })

  it('is kept for one that is owed something, however many others come', () => {
    const { spend } = createWorld()
    spend(ALLOWANCE.messages + 100, 0, 'agt_flood')
    for (let count = 0; count < 3_000; count += 1) spend(0, 0, `agt_${count}`)
    expect(spend(100, 0, 'agt_flood').waitMs).toBe(1_000)
  })
})
