import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { judgeProxies, readProxies } from '../../../../../scripts/doctor/checks/proxy.ts'

const proxy = { name: 'HTTPS_PROXY', shown: 'http://proxy:8080', hasCredentials: false, failure: null }

describe('judgeProxies', () => {
  it('says which there are, and where they are not used', () => {
    expect(judgeProxies({ proxies: [], noProxy: null })).toEqual([{ severity: 'ok', found: 'none' }])
    const both = [proxy, { ...proxy, name: 'http_proxy', hasCredentials: true }]
    expect(judgeProxies({ proxies: both, noProxy: '.corp.test' })).toEqual([
      { severity: 'ok', found: 'HTTPS_PROXY: http://proxy:8080, not for .corp.test (NO_PROXY); it listens' },
      {
        severity: 'ok',
        found: 'http_proxy: http://proxy:8080 with a user name and password, not for .corp.test (NO_PROXY); it listens',
      },
    ])
  })

  it('warns of one that cannot be reached, and of one for plain http alone', () => {
    expect(judgeProxies({ proxies: [{ ...proxy, failure: 'ECONNREFUSED' }], noProxy: null })).toEqual([
      {
        severity: 'warning',
        found: 'HTTPS_PROXY: http://proxy:8080; it cannot be reached (ECONNREFUSED)',
        advice: 'Correct HTTPS_PROXY in .env or in the environment, or remove it where no proxy is needed.',
      },
    ])
    expect(judgeProxies({ proxies: [{ ...proxy, name: 'HTTP_PROXY' }], noProxy: null })[1]).toMatchObject({
      severity: 'warning',
      advice: 'Set HTTPS_PROXY to the same address.',
    })
  })
})

describe('readProxies', () => {
  it('knocks, and keeps user names and passwords to itself', async () => {
    const server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const facts = await readProxies(
      [
        { name: 'HTTPS_PROXY', value: `http://ada:hunter2@127.0.0.1:${port}` },
        { name: 'HTTP_PROXY', value: 'http://127.0.0.1:1' },
        { name: 'http_proxy', value: 'ada:hunter2@proxy' },
      ],
      null,
    )
    await new Promise((resolve) => server.close(resolve))
    expect(facts.proxies).toMatchObject([
      { shown: `http://127.0.0.1:${port}`, hasCredentials: true, failure: null },
      { shown: 'http://127.0.0.1:1', hasCredentials: false, failure: 'ECONNREFUSED' },
      expect.anything(),
    ])
    expect(JSON.stringify(facts)).not.toContain('hunter2')
  })
})
