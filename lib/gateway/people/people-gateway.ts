/** people.berth: what people said during a run, asked for by it between two steps. The rest is the access port's. */
import type { ExchangeHandler } from '../exchange.ts'
import { readBody, readRunId } from '../exchange.ts'
import type { PeopleAccess } from '../ports.ts'
import { Refusal } from '../refusal.ts'

const MAX_BODY_BYTES = 1_024

export function createPeopleGateway({ access }: { access: PeopleAccess }): ExchangeHandler {
  return async (exchange) => {
    const { headers, owner, stream } = exchange
    if (headers[':method'] !== 'POST' || headers[':path'] !== '/take') {
      throw new Refusal(404, 'not_found', 'Only POST /take is served here.')
    }
    const runId = readRunId(headers)
    await readBody(exchange, MAX_BODY_BYTES)
    const taken = await access.take({ agentId: owner.agentId, runId })
    stream.respond({ ':status': 200, 'content-type': 'application/json' })
    stream.end(JSON.stringify(taken))
  }
}
