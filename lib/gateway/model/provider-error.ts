/** What a sandbox is told of a provider's error. The key never is: a provider may quote it, whole or in part. */
import type { IncomingMessage } from 'node:http'
import { z } from 'zod'
import type { ModelGrant } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import { redact } from './redact.ts'

const MAX_ERROR_BYTES = 64 * 1024
const MAX_SHOWN_CHARACTERS = 700

/** OpenRouter keeps the words of the provider behind it in `metadata.raw`. */
const errorBody = z.object({
  error: z.union([
    z.string(),
    z.object({ message: z.string(), metadata: z.object({ raw: z.string().optional().catch(undefined) }).nullish() }),
  ]),
})

/** Reads an answer that is not a 200 to its end (bounded) and says it in the gateway's form, with its own status where it may pass. */
export async function refuseProviderError(response: IncomingMessage, grant: ModelGrant): Promise<Refusal> {
  const status = response.statusCode ?? 502
  const host = new URL(grant.baseUrl).host
  if (status === 401) {
    response.destroy()
    return new Refusal(
      502,
      'model_key_rejected',
      `${host} rejected the API key that Berth sent (401). Set a valid key in the settings or in OPENROUTER_API_KEY.`,
    )
  }
  // Once more when it is decoded: JSON has other ways to write a letter.
  const said = redact(describeBody(redact(await readStart(response), grant.apiKey)), grant.apiKey)
  const words = `${host} answered ${status}${said === '' ? '' : `: ${said}`}`
  const retryAfter = response.headers['retry-after']
  const headers = retryAfter === undefined ? {} : { 'retry-after': redact(toAsciiLine(retryAfter), grant.apiKey) }
  if (status === 403)
    return new Refusal(502, 'model_key_rejected', `${words}. The key may not use this model, or not this way.`)
  if (status === 402) return new Refusal(402, 'credit_exhausted', `${words}. Add credit to the provider's account.`)
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
