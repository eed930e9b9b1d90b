import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Clock, systemClock } from '../../../../../../lib/clock.ts'
import { createOpenRouterCatalog } from '../../../../../../lib/drivers/model/openrouter/catalog.ts'
import { silentLogger } from '../../../../../../lib/logger.ts'

const MINUTE = 60_000

let server: http.Server
let asked: http.ServerResponse[]
let nowMs: number
let askedAgain: PromiseWithResolvers<http.ServerResponse>

beforeEach(async () => {
  asked = []
  nowMs = 0
  askedAgain = Promise.withResolvers()
  server = http.createServer((_request, response) => {
    asked.push(response)
    askedAgain.resolve(response)
    askedAgain = Promise.withResolvers()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function openCatalog() {
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs }
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return createOpenRouterCatalog({ baseUrl, logger: silentLogger, clock })
}

function answer(response: http.ServerResponse, prices: Record<string, string>): void {
  response.end(JSON.stringify({ data: [{ id: 'vendor/model', pricing: prices }] }))
}

it('has prices for a million tokens, and none where the provider has none', async () => {
  const catalog = openCatalog()
  const arrived = askedAgain.promise
  const found = catalog.find('vendor/model')
  answer(await arrived, { prompt: '0.000003', completion: '-1', input_cache_write: '0.00000375' })
  expect(await found).toMatchObject({
    inputPriceUsdPerMTok: 3,
    outputPriceUsdPerMTok: null,
    cacheWritePriceUsdPerMTok: 3.75,
  })
})

it('answers with what it knew while it asks again, and keeps it when nobody answers', async () => {
  const catalog = openCatalog()
  const first = askedAgain.promise
  const found = catalog.find('vendor/model')
  answer(await first, { prompt: '0.000003', completion: '0.000015' })
  await found
  nowMs += 11 * MINUTE
  const second = askedAgain.promise
  expect(await catalog.find('vendor/model')).toMatchObject({ inputPriceUsdPerMTok: 3 })
  const refused = await second
  refused.writeHead(500)
  refused.end()
  const third = askedAgain.promise
  await expect
    .poll(async () => {
      nowMs += 11 * MINUTE
      expect(await catalog.find('vendor/model')).toMatchObject({ inputPriceUsdPerMTok: 3 })
      return asked.length
    })
    .toBe(3)
  answer(await third, { prompt: '0.000004', completion: '0.000015' })
  await expect.poll(async () => (await catalog.find('vendor/model'))?.inputPriceUsdPerMTok).toBe(4)
})

it('knows nothing, and says so, when the provider never answered', async () => {
  const catalog = openCatalog()
  const arrived = askedAgain.promise
  const listed = catalog.list()
  const response = await arrived
  response.writeHead(503)
  response.end()
  expect(await listed).toBeNull()
  expect(await catalog.find('vendor/model')).toBeNull()
  expect(asked).toHaveLength(1)
})
