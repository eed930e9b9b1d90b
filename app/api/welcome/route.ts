import { readJson } from '../../../lib/http/handle.ts'
import { requireParts } from '../../../lib/http/parts.ts'
import { problemResponse, validationError } from '../../../lib/http/problem-response.ts'
import { redeemLink, welcomeInput } from '../../../lib/services/user/link.ts'

/** Open to whoever holds a one-time link: it is the credential. */
export async function POST(request: Request): Promise<Response> {
  const parts = requireParts()
  try {
    const parsed = welcomeInput.safeParse(await readJson(request))
    if (!parsed.success) throw validationError('body', parsed.error)
    return Response.json(await redeemLink(parts, parsed.data), { headers: { 'cache-control': 'no-store' } })
  } catch (error) {
    return problemResponse(error, parts.logger)
  }
}
