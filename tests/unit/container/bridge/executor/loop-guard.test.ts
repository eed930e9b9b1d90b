import { describe, expect, it } from 'vitest'
import { createLoopGuard, type SeenCall } from '../../../../../container/bridge/executor/loop-guard.ts'

const seen = (input: string, output: string, more: Partial<SeenCall> = {}): SeenCall => ({
  tool: 'run_command',
  input,
  outcome: 'ok',
  output,
  changedFiles: false,
  ...more,
})

function judgeAll(calls: SeenCall[]): string[] {
  const guard = createLoopGuard()
  return calls.map((call) => {
    guard.record(call)
    return guard.judge().kind
  })
}

describe('the loop guard', () => {
  it('nudges at the fourth same call with the same result, and stops at the next four', () => {
    const same = Array.from({ length: 8 }, () => seen('npm test', 'Exit code 0 after 1.2 s.'))
    expect(judgeAll(same)).toEqual(['go', 'go', 'go', 'nudge', 'go', 'go', 'go', 'stop'])
  })

  it('is not misled by how long a command took', () => {
    expect(judgeAll([1, 2, 3, 4].map((s) => seen('make', `Exit code 0 after ${s}.5 s.`))).at(-1)).toBe('nudge')
  })

  it('sees a circle of three calls', () => {
    const circle = Array.from({ length: 12 }, (_, index) => seen(`c${index % 3}`, 'same'))
    expect(judgeAll(circle)).toContain('nudge')
  })

  it('nudges at the third same error, also of different calls', () => {
    const errors = ['a', 'b', 'c'].map((input) => seen(input, 'no such file', { outcome: 'error' }))
    expect(judgeAll(errors)).toEqual(['go', 'go', 'nudge'])
  })

  it('lets the same failing test pass between edits', () => {
    const cycle = (n: number) => [
      seen(`edit ${n}`, 'edited', { tool: 'edit_file', changedFiles: true }),
      seen('npm test', '1 failing', { outcome: 'error' }),
    ]
    expect(judgeAll([1, 2, 3, 4, 5].flatMap(cycle))).not.toContain('nudge')
  })

  it('nudges when two calls take turns six times, even when files change', () => {
    const turns = Array.from({ length: 12 }, (_, index) =>
      seen(index % 2 ? 'a to b' : 'b to a', `edit ${index}`, { changedFiles: true }),
    )
    expect(judgeAll(turns).slice(-2)).toEqual(['go', 'nudge'])
  })

  it('lets calls that bring news go on', () => {
    expect(judgeAll(Array.from({ length: 30 }, (_, index) => seen('tail log', `line ${index}`)))).not.toContain('nudge')
  })

  it('nudges idle replies with what the model should read, and stops at the third in a row', () => {
    const guard = createLoopGuard()
    expect([guard.judgeIdleReply('Go on.'), guard.judgeIdleReply('Go on.')]).toEqual([
      { kind: 'nudge', text: 'Go on.' },
      { kind: 'nudge', text: 'Go on.' },
    ])
    expect(guard.judgeIdleReply('Go on.').kind).toBe('stop')
    const busy = createLoopGuard()
    busy.judgeIdleReply('')
    busy.judgeIdleReply('')
    busy.record(seen('x', 'y'))
    expect(busy.judgeIdleReply('').kind).toBe('nudge')
  })
})
