/**
 * A route handler from a verb: who asks, what is asked (checked by a schema), the answer or the problem. Handlers say
 * nothing of HTTP but their status.
 */
import type { z } from 'zod'
import { BerthError } from '../errors.ts'
import type { Context } from '../services/context.ts'
import { authenticate } from './authenticate.ts'
import { withIdempotency } from './idempotency.ts'
import { requireParts } from './parts.ts'
import { problemResponse, validationError } from './problem-response.ts'

const MAX_BODY_BYTES = 1024 * 1024

type RouteParams = Record<string, string>
type NextRoute = (request: Request, route: { params: Promise<RouteParams> }) => Promise<Response>

interface Handled<Input> {
  ctx: Context
  /** The body of a POST or PATCH, else the query. */
  input: Input
  /** Segment of the path by name. */
  param(name: string): string
  request: Request
}

export interface RouteOptions<Schema extends z.ZodType> {
  /** Checks the body, or the query of a GET or DELETE. Unknown fields are refused. */
  schema: Schema
  /** Of the answer; default 200. 204 has no body. */
  status?: number
}

/** An answer that the handler makes itself: a stream. */
export type Answer = Response | object | null

/** Turns `handler` into a route handler of Next. */
export function handle<Schema extends z.ZodType>(
  options: RouteOptions<Schema>,
  handler: (handled: Handled<z.output<Schema>>) => Promise<Answer>,
): NextRoute {
  return async (request, route) => {
    const parts = requireParts()
    try {
      const actor = await authenticate(request, parts)
      if (!actor) throw notSignedIn()
      const ctx: Context = { actor, parts }
      const params = await route.params
      const url = new URL(request.url)
      const hasBody = request.method !== 'GET' && request.method !== 'DELETE'
      const given = hasBody ? await readJson(request) : readQuery(url.searchParams)
      const parsed = options.schema.safeParse(given)
      if (!parsed.success) throw validationError(hasBody ? 'body' : 'query', parsed.error)
      const run = () => handler({ ctx, input: parsed.data, param: (name) => params[name] ?? '', request })
      if (request.method !== 'POST') return toResponse(await run(), options.status)
      const answered = await withIdempotency({
        ctx,
        key: request.headers.get('idempotency-key'),
        request: { method: request.method, path: url.pathname, body: given },
        answer: async () => ({ status: options.status ?? 200, body: await run() }),
      })
      return toResponse(answered.body as Answer, answered.status)
    } catch (error) {
      return problemResponse(error, parts.logger)
    }
  }
}

export function notSignedIn(): BerthError {
  return new BerthError('unauthenticated', 'The request has no session and no valid API token.', {
    hint: 'Sign in, or send "Authorization: Bearer <token>"; `npm run token -- <name>` makes one.',
  })
}

function toResponse(answer: Answer, status = 200): Response {
  if (answer instanceof Response) return answer
  if (status === 204) return new Response(null, { status, headers: { 'cache-control': 'no-store' } })
  return Response.json(answer, { status, headers: { 'cache-control': 'no-store' } })
}

/** An empty value is the same as none; its name must be known all the same. */
function readQuery(query: URLSearchParams): Record<string, string | undefined> {
  return Object.fromEntries([...query].map(([name, value]) => [name, value === '' ? undefined : value]))
}

/** The body as JSON; an empty one is `{}`. Throws `payload_too_large` and `validation_failed`. */
export async function readJson(request: Request): Promise<unknown> {
  const tooLarge = () =>
    new BerthError('payload_too_large', `The body is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB.`, {
      hint: 'Put long material into the repository and name its path in the task.',
    })
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8').trim()
  if (text === '') return {}
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new BerthError('validation_failed', `The body is not JSON: ${(error as Error).message}.`, {
      hint: 'Send a JSON object with "Content-Type: application/json".',
      cause: error,
    })
  }
}
