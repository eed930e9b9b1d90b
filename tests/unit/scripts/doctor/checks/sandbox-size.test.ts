import { describe, expect, it } from 'vitest'
import { judgeSize, readThisMachine, type SizeFacts } from '../../../../../scripts/doctor/checks/sandbox-size.ts'

const GIB = 2 ** 30
const facts: SizeFacts = {
  memoryBytes: 2 * GIB,
  nanoCpus: 1e9,
  host: { memoryBytes: 8 * GIB, cpus: 4 },
  hasEngine: true,
  isDesktop: false,
  isShared: true,
}

describe('judgeSize', () => {
  it('says how many fit beside Berth', () => {
    expect(judgeSize(facts)).toEqual([
      {
        severity: 'ok',
        found: 'A sandbox may use 2.0 GiB and 1 CPU; there is 8.0 GiB and 4: 3 can use all of theirs at once',
      },
    ])
    expect(judgeSize({ ...facts, isShared: false })[0]?.found).toMatch(/4 can use all of theirs/)
  })

  it('blocks for what the engine would refuse', () => {
    expect(judgeSize({ ...facts, nanoCpus: 8e9 })).toEqual([
      {
        severity: 'problem',
        found: 'DEFAULT_CONTAINER_CPU gives a sandbox 8 CPUs, and the engine has 4',
        advice: 'Set DEFAULT_CONTAINER_CPU to 4000000000 or less (it counts billionths of a CPU).',
        because: 'the engine would refuse to make a sandbox of this size',
      },
    ])
    for (const small of [{ nanoCpus: 1 }, { memoryBytes: 2048 }]) {
      expect(judgeSize({ ...facts, ...small })).toEqual([expect.objectContaining({ severity: 'problem' })])
    }
    // Nobody refuses a process.
    expect(judgeSize({ ...facts, nanoCpus: 8e9, hasEngine: false })).toEqual([
      expect.objectContaining({ severity: 'ok' }),
    ])
  })

  it('warns when not one fits, and of too little for any work', () => {
    const small = { ...facts, host: { memoryBytes: 2.5 * GIB, cpus: 4 } }
    expect(judgeSize(small)).toEqual([
      {
        severity: 'warning',
        found:
          'A sandbox may use 2.0 GiB and 1 CPU; there is 2.5 GiB and 4, too little for one of them beside Berth and its database',
        advice: 'Set DEFAULT_CONTAINER_MEMORY (bytes) lower, or use a machine with more memory.',
      },
    ])
    expect(judgeSize({ ...small, isShared: false })).toEqual([expect.objectContaining({ severity: 'ok' })])
    const desktop = { ...small, host: { memoryBytes: GIB, cpus: 4 }, isDesktop: true, isShared: false }
    expect(judgeSize(desktop)).toEqual([
      expect.objectContaining({ advice: expect.stringMatching(/Docker Desktop, Settings, Resources, Memory/) }),
    ])
    expect(judgeSize({ ...facts, memoryBytes: 256 * 2 ** 20 })).toEqual([
      expect.objectContaining({
        severity: 'warning',
        found: expect.stringMatching(/256 MiB .* killed for want of memory/),
      }),
    ])
  })

  it('takes this machine for no more than a limit leaves of it', () => {
    const { memoryBytes, cpus } = readThisMachine()
    expect(memoryBytes).toBeGreaterThan(0)
    expect(cpus).toBeGreaterThan(0)
  })
})
