/** What a sandbox is told of a provider's error. The key never is: a provider may quote it, whole or in part. */
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { ModelGrant, ModelUsage } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import { redact } from './redact.ts'
import { createUsageMeter, NO_USAGE } from './usage-meter.ts'

const MAX_ERROR_BYTES = 64 * 1024
const MAX_SHOWN_CHARACTERS = 700

/** OpenRouter keeps the words of the provider behind it in `metadata.raw`. */
const errorBody = z.object({
  error: z.union([
    z.string(),
    z.object({
      message: z.string(),
      code: z.coerce.number().optional().catch(undefined),
      metadata: z.object({ raw: z.string().optional().catch(undefined) }).nullish(),
    }),
  ]),
})

/** Reads an answer that is not a 200 to its end (bounded) and says it in the gateway's form, with its own status where it may pass. */
export async function refuseProviderError(response: IncomingMessage, grant: ModelGrant): Promise<Refusal> {
  const status = response.statusCode ?? 502
  return sayError({ status, body: await readStart(response), response, grant })
}

/**
 * A 200 that is no stream although one was asked for: an error as a document, a whole answer, or the page of something that
 * stands before the provider. What it used is the document's to say; an error and a page cost nothing.
 */
export async function refuseDocument(
  response: IncomingMessage,
  { grant, promptTokens }: { grant: ModelGrant; promptTokens: number },
): Promise<{ refusal: Refusal; usage: ModelUsage }> {
  const contentType = response.headers['content-type'] ?? ''
  const body = await readStart(response)
  const error = errorBody.safeParse(parseJson(body)).data?.error
  if (error !== undefined) {
    const code = typeof error === 'string' ? undefined : error.code
    const status = code !== undefined && code >= 400 && code < 600 ? code : 502
    return { refusal: sayError({ status, body, response, grant }), usage: NO_USAGE }
  }
  const { host } = new URL(grant.baseUrl)
  const shown = redact(describeBody(body), grant.apiKey)
  const words = `${host} answered ${toAsciiLine(contentType).slice(0, 100)} where a stream was asked for${shown === '' ? '' : `: ${shown}`}. Check OPENROUTER_BASE_URL and what stands before it.`
  const refusal = new Refusal(502, 'upstream_failed', words)
  if (!contentType.startsWith('application/json')) return { refusal, usage: NO_USAGE }
  const meter = createUsageMeter({ contentType, generationId: null })
  meter.feed(Buffer.from(body))
  return { refusal, usage: meter.read(promptTokens) }
}

interface ProviderError {
  /** The answer's, or that of the error in its body. */
  status: number
  body: string
  response: IncomingMessage
  grant: ModelGrant
}

/** Which key it is about and where that is set, where a person has to do something about it: only here it is known. */
function sayError({ status, body, response, grant }: ProviderError): Refusal {
  const { host } = new URL(grant.baseUrl)
  // Whatever it says: it may quote a part of the key, which nobody could tell from other words.
  if (status === 401) {
    return new Refusal(
      502,
      'model_key_rejected',
      `${host} does not accept the key in OPENROUTER_API_KEY (401). Set a valid one in .env and start Berth again.`,
    )
  }
  // Once more when it is decoded: JSON has other ways to write a letter.
  const said = redact(describeBody(redact(body, grant.apiKey)), grant.apiKey)
  const words = `${host} answered ${status}${said === '' ? '' : `: ${said}`}`
  const retryAfter = response.headers['retry-after']
  const headers = retryAfter === undefined ? {} : { 'retry-after': redact(toAsciiLine(retryAfter), grant.apiKey) }
  if (status === 402) {
    const cure = 'Add credit to the account of OPENROUTER_API_KEY, or set another key in .env and start Berth again.'
    return new Refusal(402, 'credit_exhausted', `${words}. ${cure}`)
  }
  if (status === 403) {
    const cure =
      'The key in OPENROUTER_API_KEY may not use this model, or not for this request: choose another model, or set another key in .env and start Berth again.'
    return new Refusal(502, 'model_forbidden', `${words}. ${cure}`)
  }
  if (status === 429) return new Refusal(429, 'rate_limited', words, headers)
  // A redirect is never followed: the key would go with it.
  if (status < 400)
    return new Refusal(502, 'upstream_failed', `${words}. Only a direct answer is taken: check its base URL.`)
  return new Refusal(status, 'upstream_failed', words, headers)
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      size += chunk.length
      if (size > MAX_ERROR_BYTES) break
    }
  } catch (error) {
    // Cut in the middle of its error: what has come says enough.
    if (!(error instanceof Error)) throw error
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, MAX_ERROR_BYTES)
}

function describeBody(body: string): string {
  const parsed = errorBody.safeParse(parseJson(body))
  if (!parsed.success)
    return body
      .replaceAll(/<[^>]*>|\s+/g, ' ')
      .trim()
      .slice(0, 200)
  const { error } = parsed.data
  const words = typeof error === 'string' ? error : [error.message, error.metadata?.raw].filter(Boolean).join(' - ')
  return words.slice(0, MAX_SHOWN_CHARACTERS)
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
