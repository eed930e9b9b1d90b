import { describe, expect, it } from 'vitest'
import { ok } from '../../../../scripts/doctor/finding.ts'
import { runChecks } from '../../../../scripts/doctor/run-checks.ts'

const check = (id: string, look: () => Promise<ReturnType<typeof ok>[]>) => ({ id, title: id, look })

describe('runChecks', () => {
  it('begins all of them at once, and keeps their order', async () => {
    const begun: string[] = []
    const all = Promise.withResolvers<void>()
    const look = (id: string) => async () => {
      begun.push(id)
      if (begun.length === 3) all.resolve()
      await all.promise
      return [ok(id)]
    }
    const results = await runChecks(
      ['a', 'b', 'c'].map((id) => check(id, look(id))),
      10_000,
    )
    expect(results.map(({ id, findings }) => [id, findings])).toEqual(['a', 'b', 'c'].map((id) => [id, [ok(id)]]))
  })

  it('waits for none longer than the deadline, and for none because of another', async () => {
    const [silent, quick] = await runChecks(
      [check('silent', () => new Promise(() => {})), check('quick', async () => [ok('here')])],
      50,
    )
    expect(silent?.findings).toEqual([
      {
        severity: 'warning',
        found: 'This could not be found out within 0.05 s.',
        advice: 'Run npm run doctor again; if it stays, look at what else is wrong first.',
      },
    ])
    expect(quick?.findings).toEqual([ok('here')])
  })

  it('makes a finding of what a check throws', async () => {
    const cause = new Error('EIO:\n i/o error')
    const [broken] = await runChecks(
      [check('broken', () => Promise.reject(new Error('It cannot be read.', { cause })))],
      1_000,
    )
    expect(broken?.findings).toEqual([
      {
        severity: 'warning',
        found: 'This could not be found out: Error: It cannot be read., caused by Error: EIO: i/o error',
        advice: 'Look at what else is wrong first; else report it.',
      },
    ])
  })
})
