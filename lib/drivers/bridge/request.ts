/**
 * One HTTP request to a bridge over a connection of its own. Owns: dialling, the token, bounded answers, which failure is
 * the sandbox's loss. Must not know: the routes.
 */
import http from 'node:http'
import type { Duplex } from 'node:stream'
import type { z } from 'zod'
import { bridgeProblem } from '../../../container/contract/bridge.ts'
import { BerthError, codeOfSandbox } from '../../errors.ts'
import type { BridgeTarget } from './port.ts'

const MAX_ANSWER_BYTES = 4 * 1024 * 1024

export interface BridgeRequest {
  method: 'GET' | 'POST'
  path: string
  body?: unknown
  headers?: http.OutgoingHttpHeaders
  signal?: AbortSignal | undefined
}

/** An answer whose body has not been read. */
export type BridgeResponse = http.IncomingMessage

export type Upgraded = { upgraded: true; socket: Duplex } | { upgraded: false; response: BridgeResponse }

/** Throws `sandbox_lost` when there is no connection or it breaks; the signal's reason when that aborts. */
export async function send(target: BridgeTarget, input: BridgeRequest): Promise<BridgeResponse> {
  const answer = await exchange(target, input)
  if (!answer.upgraded) return answer.response
  answer.socket.destroy()
  throw new BerthError('sandbox_lost', `The bridge upgraded ${input.path}, which was not asked for.`)
}

/** The same for a request that asks for an upgrade. What came right behind the answer is in the socket again. */
export async function exchange(target: BridgeTarget, input: BridgeRequest): Promise<Upgraded> {
  const { method, path, signal } = input
  signal?.throwIfAborted()
  const socket = await dial(target, input)
  if (signal?.aborted) {
    socket.destroy()
    throw signal.reason
  }
  const body = input.body === undefined ? null : Buffer.from(JSON.stringify(input.body))
  return new Promise((resolve, reject) => {
    const request = http.request({
      method,
      path,
      createConnection: () => socket,
      headers: {
        host: 'bridge',
        connection: 'close',
        authorization: `Bearer ${target.token}`,
        ...(body ? { 'content-type': 'application/json', 'content-length': body.length } : {}),
        ...input.headers,
      },
    })
    const onAbort = () => request.destroy()
    signal?.addEventListener('abort', onAbort, { once: true })
    const settle = () => signal?.removeEventListener('abort', onAbort)
    // Whoever reads the answer sees its end; the socket's own error would otherwise have no listener.
    socket.on('error', () => request.destroy())
    socket.once('close', settle)
    request.once('error', (error) => {
      settle()
      socket.destroy()
      reject(signal?.aborted ? signal.reason : lost(input, error))
    })
    request.once('response', (response) => resolve({ upgraded: false, response }))
    request.once('upgrade', (_response, upgraded, head) => {
      settle()
      if (head.length > 0) upgraded.unshift(head)
      resolve({ upgraded: true, socket: upgraded })
    })
    request.end(body ?? undefined)
  })
}

async function dial(target: BridgeTarget, input: BridgeRequest): Promise<Duplex> {
  try {
    return await target.dial()
  } catch (error) {
    throw lost(input, error)
  }
}

function lost({ method, path }: BridgeRequest, cause: unknown): BerthError {
  const words = cause instanceof Error ? cause.message : String(cause)
  return new BerthError('sandbox_lost', `The bridge did not answer ${method} ${path}: ${words}`, { cause })
}

/** The body as `schema` has it. Throws the bridge's problem for any status but 2xx. */
export async function readAnswer<T extends z.ZodType>(
  response: BridgeResponse,
  { schema, input }: { schema: T; input: BridgeRequest },
): Promise<z.infer<T>> {
  const value = await readJson(response, input)
  if (!isSuccess(response)) throw toBerthError(response.statusCode ?? 0, value, input)
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new BerthError('upstream_failed', `The bridge's answer to ${input.path} is not of the contract.`, {
    cause: parsed.error,
  })
}

export function isSuccess(response: BridgeResponse): boolean {
  return Math.floor((response.statusCode ?? 0) / 100) === 2
}

export async function readJson(response: BridgeResponse, input: BridgeRequest): Promise<unknown> {
  const text = await readText(response, input)
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new BerthError('upstream_failed', `The bridge's answer to ${input.path} is not JSON.`, { cause: error })
  }
}

async function readText(response: BridgeResponse, input: BridgeRequest): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response) {
      size += chunk.length
      if (size > MAX_ANSWER_BYTES) break
      chunks.push(chunk)
    }
  } catch (error) {
    throw input.signal?.aborted ? input.signal.reason : lost(input, error)
  }
  if (size <= MAX_ANSWER_BYTES) return Buffer.concat(chunks).toString('utf8')
  throw new BerthError(
    'upstream_failed',
    `The bridge's answer to ${input.path} is larger than ${MAX_ANSWER_BYTES} bytes.`,
  )
}

/** The bridge's own code where it is one of the contract's. */
export function toBerthError(status: number, value: unknown, { path }: BridgeRequest): BerthError {
  const problem = bridgeProblem.safeParse(value)
  if (!problem.success) return new BerthError('upstream_failed', `The bridge answered ${path} with ${status}.`)
  const { code, message } = problem.data
  const known = codeOfSandbox(code, 'upstream_failed')
  return new BerthError(known, known === code ? message : `The bridge refused ${path}: ${message} (${code})`)
}
