import { describe, expect, it } from 'vitest'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'
import { readArguments } from '../../../../scripts/demo/arguments.ts'
import { decide, isSample } from '../../../../scripts/demo/choose-sandbox.ts'

const none = { reachable: false, description: 'No engine answers. Start it: sudo dockerd.' }
const there = { reachable: true, description: 'Docker 28 (overlay2)' }

describe("the demo's sandbox", () => {
  it('is a container wherever there is an engine', () => {
    for (const asked of ['docker', null] as const) {
      for (const isSample of [true, false])
        expect(decide({ asked, isSample, engine: there })).toEqual({ driver: 'docker' })
    }
  })

  it('is a process without an engine, for the sample alone', () => {
    expect(decide({ asked: null, isSample: true, engine: none })).toEqual({
      driver: 'process',
      withoutEngine: none.description,
    })
    const refuse = () => decide({ asked: null, isSample: false, engine: none })
    expect(refuse).toThrow(StartRefused)
    expect(refuse).toThrow('No engine answers. Start it: sudo dockerd. Only the demo')
    expect(refuse).toThrow('BERTH_SANDBOX=process npm run demo -- ...')
  })

  it('is never a process where docker was asked for', () => {
    const refuse = () => decide({ asked: 'docker', isSample: true, engine: none })
    expect(refuse).toThrow('No engine answers. Start it: sudo dockerd. BERTH_SANDBOX=docker asks for it;')
  })

  it('takes for the sample what names neither a repository, nor a case, nor a task', () => {
    expect(isSample(readArguments([], false))).toBe(true)
    expect(isSample(readArguments(['--keep-open'], true))).toBe(true)
    expect(isSample(readArguments(['--task', 'Do it'], true))).toBe(false)
    expect(isSample(readArguments(['--repo', 'a', '--case', 'b'], false))).toBe(false)
  })
})
