import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventView } from '../../../../lib/services/agent/schemas.ts'
import { createBerthApi } from '../../../../scripts/demo/api-client.ts'
import { assertWentFromRedToGreen, followAgent } from '../../../../scripts/demo/play-case.ts'

let server: Server
let baseUrl: string
/** What each connection to the event stream gets before it is cut. */
let connections: EventView[][]
let lastEventIds: unknown[]

beforeEach(async () => {
  connections = []
  lastEventIds = []
  server = createServer((request, response) => {
    if (!request.url?.endsWith('/events')) {
      response.writeHead(409, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify({ code: 'state_conflict', detail: 'The agent is RUNNING.', hint: 'Cancel it.' }))
      return
    }
    lastEventIds.push(request.headers['last-event-id'])
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('retry: 1000\n\n: alive\n\n')
    for (const event of connections.shift() ?? []) {
      response.write(`id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
    }
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const event = (seq: number, type: string, data: Record<string, unknown> = {}): EventView => ({
  seq,
  type,
  runId: 'run_1',
  createdAt: '2026-01-01T00:00:00.000Z',
  data,
})
const opened = (seq: number) =>
  event(seq, 'pull_request', { action: 'opened', number: 7, url: 'http://f/o/r/pull/7', title: 'Fix' })
const done = (seq: number) => event(seq, 'done', { reason: 'completed' })

async function follow() {
  const seen: string[] = []
  const api = createBerthApi({ baseUrl, token: 't' })
  const signal = AbortSignal.timeout(10_000)
  const result = followAgent({ api, agentId: 'agt_1', signal, onEvent: ({ seq, type }) => seen.push(`${seq} ${type}`) })
  return { pullRequest: await result, seen }
}

test('a broken stream goes on after the last stored event, and a delta does not count as one', async () => {
  connections = [
    [event(1, 'message'), event(2, 'text'), event(0, 'text_delta')],
    [done(3), opened(4)],
  ]
  const { pullRequest, seen } = await follow()
  expect(pullRequest).toEqual({ number: 7, url: 'http://f/o/r/pull/7', title: 'Fix' })
  expect(seen).toEqual(['1 message', '2 text', '0 text_delta', '3 done', '4 pull_request'])
  expect(lastEventIds).toEqual(['0', '2'])
})

test('a pull request that was opened during the run counts when nothing is left to deliver', async () => {
  const skipped = event(3, 'pull_request', { action: 'skipped', reason: 'The run changed nothing.' })
  connections = [[opened(1), done(2), skipped]]
  const { pullRequest, seen } = await follow()
  expect(pullRequest.number).toBe(7)
  expect(seen).toHaveLength(3)
})

test('a failed start, a failed run and a skipped pull request are errors in words', async () => {
  connections = [
    [event(1, 'status', { status: 'FAILED', code: 'image_missing', message: 'No image.', logTail: ['a', 'b'] })],
  ]
  await expect(follow()).rejects.toThrow('The agent could not be started (image_missing): No image.\na\nb')
  connections = [[event(1, 'done', { reason: 'step_limit', message: 'Used 15 of 15 steps.' })]]
  await expect(follow()).rejects.toThrow('The run ended with step_limit: Used 15 of 15 steps.')
  connections = [[done(1), event(2, 'pull_request', { action: 'skipped', reason: 'The run changed nothing.' })]]
  await expect(follow()).rejects.toThrow('No pull request was opened: The run changed nothing.')
})

test('a refusal of the API is told with its code and its hint', async () => {
  const api = createBerthApi({ baseUrl, token: 't' })
  await expect(api.startAgent('agt_1')).rejects.toThrow(
    'POST /api/agents/agt_1/start was answered 409 state_conflict: The agent is RUNNING. Cancel it.',
  )
})

function commandEvents(...exitCodes: number[]): EventView[] {
  return exitCodes.flatMap((exitCode, index) => {
    const toolCallId = `call_${index}`
    return [
      event(2 * index + 1, 'tool_call', { toolCallId, tool: 'run_command', input: { command: 'say "a" && test' } }),
      event(2 * index + 2, 'tool_result', { toolCallId, tool: 'run_command', detail: { exitCode } }),
    ]
  })
}

test('a test went from red to green only if it failed first and passed last', () => {
  const check = (...codes: number[]) => assertWentFromRedToGreen(commandEvents(...codes), 'say "a" && test')
  expect(() => check(1, 0)).not.toThrow()
  for (const codes of [[0, 0], [1, 1], [0], []]) {
    expect(() => check(...codes)).toThrow(
      `\`say "a" && test\` should have failed first and passed last; its exit statuses were [${codes.join(', ')}].`,
    )
  }
})
