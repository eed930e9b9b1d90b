import { describe, expect, it } from 'vitest'
import { readSettings } from '../../../lib/config.ts'

describe('the settings', () => {
  it('refuse a kind of sandbox that is not built, instead of making another', () => {
    expect(readSettings({ BERTH_SANDBOX: 'docker' }, '/nowhere').sandbox).toBe('docker')
    for (const kind of ['process', 'kubernetes']) {
      expect(() => readSettings({ BERTH_SANDBOX: kind }, '/nowhere')).toThrow(
        `BERTH_SANDBOX="${kind}": must be docker: no other kind of sandbox is built yet`,
      )
    }
  })

  it('name every wrong variable at once', () => {
    expect(() => readSettings({ PORT: 'http', GITHUB_URL: 'github' }, '/nowhere')).toThrow(
      /PORT="http": [\s\S]*GITHUB_URL="github": /,
    )
  })

  it('keep what may be a secret out of the words', () => {
    const environment = { HTTPS_PROXY: 'socks5://ada:hunter2@proxy:1080', BERTH_SECRET_KEY: 'hunter2' }
    let words = ''
    try {
      readSettings(environment, '/nowhere')
    } catch (error) {
      words = String(error)
    }
    expect(words).toContain('HTTPS_PROXY=(hidden)')
    expect(words).toContain('BERTH_SECRET_KEY=(hidden)')
    expect(words).not.toContain('hunter2')
  })
})
