import { describe, expect, it } from 'vitest'
import { judgeClock } from '../../../../../scripts/doctor/checks/clock.ts'

const theirs = new Date('2026-11-21T10:00:00Z')
const at = (seconds: number) =>
  judgeClock({ host: 'api.github.com', theirs, ours: new Date(+theirs + seconds * 1_000) })

describe('judgeClock', () => {
  it('lets the way of an answer pass', () => {
    for (const seconds of [0, -60, 60])
      expect(at(seconds)).toEqual([{ severity: 'ok', found: 'agrees with api.github.com' }])
  })

  it('says how far it is off, and in which direction', () => {
    expect(at(3_600)).toEqual([
      {
        severity: 'warning',
        found: 'is 3600 s ahead of api.github.com: certificates, tokens and times in the log will seem wrong',
        advice: 'Set it: sudo timedatectl set-ntp true; in a virtual machine, let it take the time of its host.',
      },
    ])
    expect(at(-61)[0]?.found).toMatch(/^is 61 s behind api\.github\.com/)
  })
})
