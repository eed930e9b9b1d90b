import { authenticate } from '../../../lib/http/authenticate.ts'
import { requireParts } from '../../../lib/http/parts.ts'
import { problemResponse } from '../../../lib/http/problem-response.ts'
import { readHealth, showHealth } from '../../../lib/services/health/read.ts'

/** Asked by probes without a token: they learn whether it works, and those who are signed in learn why not. */
export async function GET(request: Request): Promise<Response> {
  const parts = requireParts()
  try {
    const health = await readHealth(parts)
    const actor = health.database.reachable ? await authenticate(request, parts) : null
    return Response.json(showHealth(health, actor), {
      status: health.database.reachable ? 200 : 503,
      headers: { 'cache-control': 'no-store' },
    })
  } catch (error) {
    return problemResponse(error, parts.logger)
  }
}
