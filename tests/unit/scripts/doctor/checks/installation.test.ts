import { describe, expect, it } from 'vitest'
import { judgeInstallation } from '../../../../../scripts/doctor/checks/installation.ts'

const place = JSON.stringify({ server: '7', database: 'berth' })
const own = { place, keyCheck: 'this key' }
const dataDirectory = '/project/.berth'

describe('judgeInstallation', () => {
  it('has nothing to say of an installation that is itself, and of one that never started', () => {
    expect(judgeInstallation({ kept: own, own, dataDirectory })).toEqual([])
    expect(judgeInstallation({ kept: null, own, dataDirectory })).toEqual([])
    expect(judgeInstallation({ kept: own, own: null, dataDirectory })).toEqual([])
  })

  it('blocks where the database lies somewhere else than before', () => {
    const kept = { ...own, place: JSON.stringify({ server: '7', database: 'first' }) }
    expect(judgeInstallation({ kept, own, dataDirectory })).toEqual([
      expect.objectContaining({
        severity: 'problem',
        found: expect.stringContaining('the database "first" of the PostgreSQL server 7'),
        advice: expect.stringContaining('npm run installation -- adopt'),
      }),
    ])
  })

  it('blocks where the secret key is another one', () => {
    expect(judgeInstallation({ kept: { ...own, keyCheck: 'another' }, own, dataDirectory })).toEqual([
      expect.objectContaining({
        severity: 'problem',
        found: 'The secret key is not the one that this database was last used with.',
        advice: expect.stringContaining('/project/.berth/secrets/secret-key'),
      }),
    ])
  })
})
