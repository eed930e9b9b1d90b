/**
 * A scripted model behind OpenRouter's HTTP API, for the demo and the tests. The product reaches it by OPENROUTER_BASE_URL
 * alone; nothing in app/, lib/ or container/ may import this folder. It listens on this machine only, records what it was
 * asked, and refuses what its script does not foresee.
 */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { machineMs } from '../../machine-ms.ts'
import { type GenerationRecord, generationShape, keyShape, totalCost } from './account.ts'
import { type CatalogueModel, DEFAULT_CATALOGUE, modelShape } from './catalogue.ts'
import {
  type ChatBody,
  chooseReply,
  conversationOf,
  type ModelRequest,
  type Reply,
  readModelRequest,
  type Script,
} from './script.ts'
import {
  completionBody,
  countUsage,
  DONE_LINE,
  GARBAGE_LINE,
  type Generation,
  PROCESSING_COMMENT,
  streamChunks,
  type WireUsage,
} from './wire.ts'

export interface ModelOptions {
  script: Script
  port?: number
  /** When given, any other key is answered 401. */
  apiKey?: string
  /** What may be spent with the key, as `GET /key` tells it; default: no limit of its own. */
  keyLimitUsd?: number
  models?: CatalogueModel[]
  /** Between two chunks, where a reply does not say; default 0. */
  delayMs?: number
  /** Length of one piece of text; default 12. */
  fragmentChars?: number
  now?: () => Date
}

export interface RecordedModelRequest {
  method: string
  path: string
  headers: IncomingMessage['headers']
  /** Null where it is no chat completion. */
  request: ModelRequest | null
  /** Null when the script had none. */
  reply: Reply | null
  /** 0 while it is being answered, or when the connection was dropped. */
  status: number
  /** Pieces of a streamed answer that the connection took, each when the one before was on its way. */
  piecesSent: number
  /** When its head was here, and when the last byte of the answer was handed over (null before). As `machineMs` has it. */
  arrivedAtMs: number
  answeredAtMs: number | null
}

export interface ModelStandIn {
  /** The base URL, e.g. http://127.0.0.1:41234/api/v1 */
  url: string
  requests: RecordedModelRequest[]
  /** Words for every request that the script did not foresee: a test asserts that it is empty. */
  unscripted: string[]
  /** Goes on with another script; conversations begin it anew. */
  play(script: Script): void
  close(): Promise<void>
}

interface State {
  script: Script
  turns: Map<string, number>
  requests: RecordedModelRequest[]
  unscripted: string[]
  generations: Map<string, GenerationRecord>
  models: CatalogueModel[]
  options: ModelOptions
}

const API_PREFIX = '/api/v1'

/** Starts it on a free port (or `port`). */
export async function startModel(options: ModelOptions): Promise<ModelStandIn> {
  const state: State = {
    script: options.script,
    turns: new Map(),
    requests: [],
    unscripted: [],
    generations: new Map(),
    models: options.models ?? DEFAULT_CATALOGUE,
    options,
  }
  const server = createServer((request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const record: RecordedModelRequest = {
      method,
      path: url,
      headers,
      request: null,
      reply: null,
      status: 0,
      piecesSent: 0,
      arrivedAtMs: machineMs(),
      answeredAtMs: null,
    }
    state.requests.push(record)
    response.on('finish', () => {
      record.status = response.statusCode
      record.answeredAtMs = machineMs()
    })
    answer({ state, request, response, record }).catch((error: unknown) => {
      const words = error instanceof Error ? error.message : String(error)
      state.unscripted.push(words)
      if (response.headersSent) response.destroy()
      // A 400, which no client tries again: a script that has run out ends the run at once.
      else sendError(response, 400, `The scripted model cannot go on: ${words}`)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${API_PREFIX}`,
    requests: state.requests,
    unscripted: state.unscripted,
    play(script) {
      state.script = script
      state.turns.clear()
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Exchange {
  state: State
  request: IncomingMessage
  response: ServerResponse
  record: RecordedModelRequest
}

async function answer(exchange: Exchange): Promise<void> {
  const { state, request, response, record } = exchange
  const url = new URL(record.path, 'http://127.0.0.1')
  const raw = await text(request)
  const route = `${record.method} ${url.pathname}`
  if (route === `GET ${API_PREFIX}/models`) return sendJson(response, 200, { data: state.models.map(modelShape) })
  const key = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (key === undefined) return sendError(response, 401, 'No auth credentials found')
  if (state.options.apiKey !== undefined && key !== state.options.apiKey) {
    return sendError(response, 401, 'User not found.')
  }
  if (route === `POST ${API_PREFIX}/chat/completions`) return answerChat(exchange, raw)
  if (route === `GET ${API_PREFIX}/key`) {
    const spent = totalCost(state.generations.values())
    return sendJson(response, 200, { data: keyShape(spent, state.options.keyLimitUsd ?? null) })
  }
  if (route === `GET ${API_PREFIX}/credits`) {
    return sendJson(response, 200, { data: { total_credits: 100, total_usage: totalCost(state.generations.values()) } })
  }
  if (route === `GET ${API_PREFIX}/generation`) {
    const id = url.searchParams.get('id') ?? ''
    const generation = state.generations.get(id)
    if (generation === undefined) return sendError(response, 404, `Generation ${id} not found`)
    return sendJson(response, 200, { data: generation })
  }
  throw new Error(`${route} is no route of this stand-in.`)
}

async function answerChat(exchange: Exchange, raw: string): Promise<void> {
  const { state, response, record } = exchange
  const body = JSON.parse(raw) as ChatBody
  const model = state.models.find(({ id }) => id === body.model)
  if (model === undefined) return sendError(response, 400, `${body.model} is not a valid model ID`)
  const conversation = conversationOf(body)
  const turn = state.turns.get(conversation) ?? 0
  state.turns.set(conversation, turn + 1)
  record.request = readModelRequest(body, turn)
  const reply = await chooseReply(state.script, record.request)
  record.reply = reply
  if (reply.beforeHead === 'silence') return
  if (reply.beforeHead === 'reset') return void response.destroy()
  if (reply.error !== undefined) return sendScriptedError(response, reply.error)
  const now = state.options.now?.() ?? new Date()
  const created = Math.floor(now.getTime() / 1000)
  const id = `gen-${created}-${randomBytes(15).toString('base64url')}`
  const generation: Generation = { id, model, created }
  const usage = countUsage(body, reply, model)
  state.generations.set(id, generationShape({ generation, reply, usage, now }))
  response.setHeader('x-generation-id', id)
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
  if (body.stream === true) return sendStream({ exchange, reply, generation, usage })
  response.writeHead(200, { 'content-type': 'application/json' })
  // OpenRouter keeps a waiting connection alive with white space before the body.
  response.end(`\n         \n${JSON.stringify(completionBody({ reply, generation, usage }))}`)
}

async function sendStream(input: {
  exchange: Exchange
  reply: Reply
  generation: Generation
  usage: WireUsage
}): Promise<void> {
  const { exchange, reply, generation, usage } = input
  const { response, state, record } = exchange
  const left = new AbortController()
  response.on('close', () => left.abort())
  const delayMs = reply.delayMs ?? state.options.delayMs ?? 0
  const fragmentChars = reply.fragmentChars ?? state.options.fragmentChars ?? 12
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.write(PROCESSING_COMMENT)
  let sent = 0
  for (const chunk of streamChunks({ reply, generation, usage, fragmentChars })) {
    if (reply.hangAfterChunks === sent) return
    if (reply.cutAfterChunks === sent) return cut(response)
    await reply.beforeChunk?.(sent)
    if (delayMs > 0) await sleep(delayMs, undefined, { signal: left.signal }).catch(ignoreAbort)
    if (left.signal.aborted) return
    if (reply.garbageAfterChunks === sent) response.write(GARBAGE_LINE)
    if (!response.write(`data: ${JSON.stringify(chunk)}\n\n`)) await drained(response, left.signal)
    sent += 1
    record.piecesSent = sent
  }
  if (reply.hangAfterChunks !== undefined) return
  if (reply.cutAfterChunks !== undefined) return cut(response)
  response.end(DONE_LINE)
}

/** In the middle of the answer, with all that was said before it on its way. */
function cut(response: ServerResponse): void {
  response.socket?.destroySoon()
}

/** Resolves when the reader has taken what was written, or has left. */
async function drained(response: ServerResponse, left: AbortSignal): Promise<void> {
  if (!left.aborted) await once(response, 'drain', { signal: left }).catch(ignoreAbort)
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) throw error
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function sendError(response: ServerResponse, code: number, message: string): void {
  sendJson(response, code, { error: { message, code } })
}

function sendScriptedError(response: ServerResponse, error: NonNullable<Reply['error']>): void {
  const { status, message, metadata, headers, body } = error
  const shape = { error: { message, code: status, ...(metadata === undefined ? {} : { metadata }) } }
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(body ?? JSON.stringify(shape))
}
