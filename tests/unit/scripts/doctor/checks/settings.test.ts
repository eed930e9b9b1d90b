import { describe, expect, it } from 'vitest'
import { judgeSettings } from '../../../../../scripts/doctor/checks/settings.ts'

describe('judgeSettings', () => {
  it('is content with settings without a mistake', () => {
    expect(judgeSettings({ wrong: [], mistakes: [] })).toEqual([
      { severity: 'ok', found: 'no wrong value, no unknown name in .env' },
    ])
  })

  it('blocks for every wrong value, and warns of every name without effect', () => {
    const wrong = [
      { variable: 'PORT', words: 'PORT="http": must be a number from 0 to 65535' },
      { variable: '.env', words: '.env is there and cannot be read (EACCES)' },
    ]
    expect(judgeSettings({ wrong, mistakes: ['PROT has no effect: did you mean PORT?'] })).toEqual([
      {
        severity: 'problem',
        found: 'PORT="http": must be a number from 0 to 65535',
        advice: 'Correct PORT in .env or in the environment; .env.example says what it is.',
        because: 'PORT is wrong',
      },
      {
        severity: 'problem',
        found: '.env is there and cannot be read (EACCES)',
        advice: 'Make it yours: sudo chown $(id -u) .env && chmod 600 .env',
        because: '.env is wrong',
      },
      {
        severity: 'warning',
        found: '.env: PROT has no effect: did you mean PORT?',
        advice: 'Correct or remove it; .env.example has every name.',
      },
    ])
  })
})
