/** forge.berth: the agent's own request for its pull request. Owns: the form of that request. The rest is the access port's. */
import { z } from 'zod'
import type { ExchangeHandler } from '../exchange.ts'
import { readBody, readRunId } from '../exchange.ts'
import type { ForgeAccess } from '../ports.ts'
import { Refusal } from '../refusal.ts'

const MAX_BODY_BYTES = 256 * 1024

const pullRequest = z.strictObject({
  title: z.string().trim().min(1).max(256),
  body: z.string().max(65_536),
})

export function createForgeGateway({ access }: { access: ForgeAccess }): ExchangeHandler {
  return async (exchange) => {
    const { headers, owner, stream } = exchange
    if (headers[':method'] !== 'POST' || headers[':path'] !== '/pull-request') {
      throw new Refusal(404, 'not_found', 'Only POST /pull-request is served here.')
    }
    const runId = readRunId(headers)
    const request = parseRequest(await readBody(exchange, MAX_BODY_BYTES))
    const answer = await access.openPullRequest({ agentId: owner.agentId, runId, request })
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    stream.end(JSON.stringify(answer))
  }
}

function parseRequest(body: Buffer): z.infer<typeof pullRequest> {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Refusal(400, 'validation_failed', 'The body is not JSON.')
  }
  const parsed = pullRequest.safeParse(value)
  if (parsed.success) return parsed.data
  const words = parsed.error.issues.map((issue) => `${issue.path.map(String).join('.') || 'body'}: ${issue.message}`)
  throw new Refusal(422, 'validation_failed', `A pull request needs a title and a body. ${words.join('; ')}`)
}
