import { createServer, type RequestListener } from 'node:http'
import { afterEach, describe, expect, it } from 'vitest'
import { NO_COMPANY_PROXY } from '../../../../lib/domain/company-proxy.ts'
import { createUpstream } from '../../../../lib/gateway/upstream.ts'
import { adviseOnFailure, ask, showProxy, showUrl } from '../../../../scripts/doctor/ask.ts'

const upstream = createUpstream({ proxy: NO_COMPANY_PROXY })
const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

describe('ask', () => {
  it('answers status, headers and JSON, and takes a page for no body', async () => {
    const url = await serve((request, response) => {
      response.writeHead(request.url === '/page' ? 502 : 200, { 'x-seen': String(request.headers.authorization) })
      response.end(request.url === '/page' ? '<html>' : '{"a":1}')
    })
    const reply = await ask(upstream, { url: `${url}/json`, headers: { authorization: 'Bearer x' }, timeoutMs: 5_000 })
    expect(reply).toMatchObject({ kind: 'answer', status: 200, body: { a: 1 }, headers: { 'x-seen': 'Bearer x' } })
    expect(await ask(upstream, { url: `${url}/page`, timeoutMs: 5_000 })).toMatchObject({ status: 502, body: null })
  })

  it('says why there is no answer: nobody, silence before and within it, a header that cannot be sent', async () => {
    const silent = await serve(() => {})
    const torn = await serve((_, response) => void response.write('{'))
    const late = { kind: 'failure', code: null, words: 'no answer within 0.2 s' }
    expect(await ask(upstream, { url: silent, timeoutMs: 200 })).toEqual(late)
    expect(await ask(upstream, { url: torn, timeoutMs: 200 })).toEqual(late)
    expect(await ask(upstream, { url: 'http://127.0.0.1:1', timeoutMs: 5_000 })).toEqual({
      kind: 'failure',
      code: 'ECONNREFUSED',
      words: 'ECONNREFUSED',
    })
    const headers = { authorization: 'Bearer \u0439' }
    expect(await ask(upstream, { url: silent, headers, timeoutMs: 5_000 })).toMatchObject({
      kind: 'failure',
      code: 'ERR_INVALID_CHAR',
    })
  })
})

describe('adviseOnFailure', () => {
  const host = { url: 'https://host.test/api', setting: 'GITHUB_API_URL', proxy: null }

  it.each([
    ['ENOTFOUND', /getent hosts host\.test\. .* check GITHUB_API_URL\./],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', /BERTH_EXTRA_CA/],
    ['CERT_HAS_EXPIRED', /date -u/],
    [null, /curl -v https:\/\/host\.test\. .* check GITHUB_API_URL\./],
  ])('knows what to do about %s', (code, words) => {
    expect(adviseOnFailure(code, host)).toMatch(words)
  })

  it.each([
    ['ECONNREFUSED', /through http:\/\/proxy:8080: correct HTTPS_PROXY, or name host\.test in NO_PROXY/],
    ['ENOTFOUND', /correct HTTPS_PROXY/],
    ['ERR_PROXY_TUNNEL', /The proxy http:\/\/proxy:8080 refuses: .* or have it let host\.test through\./],
    ['SELF_SIGNED_CERT_IN_CHAIN', /BERTH_EXTRA_CA/],
  ])('knows what to do about %s behind a proxy', (code, words) => {
    expect(adviseOnFailure(code, { ...host, proxy: 'http://proxy:8080' })).toMatch(words)
  })
})

describe('showUrl and showProxy', () => {
  it('shows the proxy of a host, and none where there is none', () => {
    const proxy = { https: 'http://ada:hunter2@proxy:8080', http: null, noProxy: ['near.test'] }
    expect(showProxy(proxy, 'https://far.test/api')).toBe('http://proxy:8080')
    expect(showProxy(proxy, 'https://near.test/api')).toBeNull()
  })

  it('shows no user name, password or query', () => {
    expect(showUrl('https://ada:hunter2@host.test:8443/api?key=hunter2')).toBe('https://host.test:8443/api')
    expect(showUrl('https://host.test/')).toBe('https://host.test')
    expect(showUrl('nothing')).toBe('(no address)')
  })
})
