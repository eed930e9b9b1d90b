import { describe, expect, it } from 'vitest'
import { faultKinds, planFaults, readFaultOptions, stretches } from '../../faults/plan.ts'

describe('planned faults', () => {
  it('are the same for the same seed, whatever else is played and however many', () => {
    const many = planFaults({ seed: 7, rounds: 10, kinds: faultKinds })
    const few = planFaults({ seed: 7, rounds: 2, kinds: ['bridge'] })
    expect(few).toEqual(many.filter(({ kind, number }) => kind === 'bridge' && number <= 2))
  })

  it('are others for another seed and for another kind', () => {
    const moments = (seed: number, kind: (typeof faultKinds)[number]) =>
      planFaults({ seed, rounds: 10, kinds: [kind] }).map(({ stretch, afterEvents, delayMs }) => [
        stretch,
        afterEvents,
        delayMs,
      ])
    expect(moments(1, 'bridge')).not.toEqual(moments(2, 'bridge'))
    expect(moments(1, 'bridge')).not.toEqual(moments(1, 'runner'))
  })

  it('reach over every stretch of a first run and of a second', () => {
    const faults = planFaults({ seed: 7, rounds: 50, kinds: ['bridge'] })
    const all = Object.keys(stretches).flatMap((stretch) => [`${stretch} 1`, `${stretch} 2`])
    expect(new Set(faults.map(({ stretch, inRun }) => `${stretch} ${inRun}`))).toEqual(new Set(all))
  })
})

describe('the choice of faults', () => {
  it('is one of each kind without a word', () => {
    expect(readFaultOptions({})).toEqual({ seed: 1, rounds: 1, kinds: faultKinds })
  })

  it('is read from the environment', () => {
    const env = { FAULT_SEED: '12', FAULT_ROUNDS: '3', FAULT_KINDS: 'bridge, container killed' }
    expect(readFaultOptions(env)).toEqual({ seed: 12, rounds: 3, kinds: ['bridge', 'container killed'] })
  })

  it('says what it cannot read', () => {
    expect(() => readFaultOptions({ FAULT_SEED: '1e3' })).toThrow(
      'FAULT_SEED=1e3: must be a whole number of up to nine digits.',
    )
    expect(() => readFaultOptions({ FAULT_KINDS: 'bridge,moon' })).toThrow(
      'FAULT_KINDS=bridge,moon: "moon" is none of: control plane, bridge, runner, container killed, container removed, database, engine.',
    )
  })
})
