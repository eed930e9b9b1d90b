import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CompanyProxy } from '../../../../lib/domain/company-proxy.ts'
import { NO_COMPANY_PROXY } from '../../../../lib/domain/company-proxy.ts'
import { createUpstream, type Upstream } from '../../../../lib/gateway/upstream.ts'

let proxy: http.Server
let proxyUrl: string
let asked: string[]
let upstream: Upstream

beforeEach(async () => {
  asked = []
  proxy = http.createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.end('from the proxy')
  })
  proxy.on('connect', (request, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`)
    socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  proxyUrl = `http://ada:hunter2@127.0.0.1:${(proxy.address() as AddressInfo).port}`
})
afterEach(async () => {
  upstream.close()
  proxy.closeAllConnections()
  await new Promise((resolve) => proxy.close(resolve))
})

const open = (settings: Partial<CompanyProxy>) => {
  upstream = createUpstream({ proxy: { ...NO_COMPANY_PROXY, ...settings } })
}
const send = (address: string) =>
  upstream.send({ url: new URL(address), method: 'GET', headers: {}, idleTimeoutMs: 5_000 })

test('https goes through the proxy, whose refusal is told without its credentials', async () => {
  open({ https: proxyUrl })
  const failure = await send('https://model.invalid/v1').catch((error: Error) => error)
  expect(asked).toEqual(['CONNECT model.invalid:443'])
  expect(String(failure)).toContain("model.invalid could not be reached through the company's proxy: ")
  expect(String(failure)).toContain('407 Proxy Authentication Required')
  expect(String(failure)).not.toContain('hunter2')
})

test('plain http goes through a proxy only where one is set for it', async () => {
  open({ https: proxyUrl })
  await expect(send('http://model.invalid/v1')).rejects.toThrow('model.invalid could not be reached: ')
  expect(asked).toEqual([])
  open({ http: proxyUrl })
  expect(await text(await send('http://model.invalid/v1'))).toBe('from the proxy')
  expect(asked).toEqual(['GET http://model.invalid/v1'])
})

test.each([
  ['https://git.corp.invalid/x', ['corp.invalid']],
  ['https://git.corp.invalid:8443/x', ['git.corp.invalid:8443']],
])('%s goes past the proxy with NO_PROXY=%s', async (address, noProxy) => {
  open({ https: proxyUrl, noProxy })
  await expect(send(address)).rejects.toThrow(/^git\.corp\.invalid(:8443)? could not be reached: /)
  expect(asked).toEqual([])
})

test('this machine is not asked for through it', async () => {
  open({ http: proxyUrl })
  expect(await text(await send(proxyUrl.replace('ada:hunter2@', '')))).toBe('from the proxy')
  expect(asked).toEqual(['GET /'])
})

test('an answer that falls silent in its middle breaks off with words, not as a cut connection', async () => {
  open({ http: proxyUrl })
  proxy.removeAllListeners('request')
  proxy.on('request', (_request, response) => response.write('begun'))
  const url = new URL('http://model.invalid/v1')
  const answer = await upstream.send({ url, method: 'GET', headers: {}, idleTimeoutMs: 100 })
  await expect(text(answer)).rejects.toThrow('no answer and no progress for 100 ms')
})
