import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { routeFetches } from '../../../../lib/composition/route-fetches.ts'
import { readSettings } from '../../../../lib/config.ts'

let proxy: http.Server
let proxyUrl: string
let asked: string[]
let undo: () => void = () => {}

beforeEach(async () => {
  asked = []
  proxy = http.createServer()
  proxy.on('connect', (request, socket: Socket) => {
    asked.push(request.url ?? '')
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
})
afterEach(async () => {
  undo()
  proxy.closeAllConnections()
  await new Promise((resolve) => proxy.close(resolve))
})

function route(env: Record<string, string>): void {
  undo = routeFetches(readSettings({ HTTPS_PROXY: proxyUrl, ...env }, '/nowhere'))
}

/** Where it went is seen at the proxy; nothing of it has to succeed. */
const ask = (address: string) => fetch(address, { signal: AbortSignal.timeout(5_000) }).catch(() => null)

test('what is fetched goes through the company’s proxy, and no more when it is undone', async () => {
  route({})
  await ask('https://api.github.invalid/repos')
  expect(asked).toEqual(['api.github.invalid:443'])
  undo()
  await ask('https://api.github.invalid/repos')
  expect(asked).toHaveLength(1)
})

test('what NO_PROXY names goes past it, by the rule that egress has', async () => {
  route({ NO_PROXY: 'corp.invalid,10.0.0.0/8', GITHUB_API_URL: 'https://git.corp.invalid/api/v3' })
  await ask('https://git.corp.invalid/api/v3/repos')
  expect(asked).toEqual([])
})

test('this machine is not asked for through it', async () => {
  route({ HTTP_PROXY: proxyUrl })
  await ask(`${proxyUrl.replace('127.0.0.1', 'localhost')}/`)
  expect(asked).toEqual([])
})
