/** Who asks: a bearer token, or the session cookie of the dashboard. */
import { getToken } from 'next-auth/jwt'
import { BerthError } from '../errors.ts'
import type { Actor, Parts } from '../services/context.ts'
import { hashSecret } from '../services/token/secret.ts'

/** The person behind a request, or null. A session cookie is only taken from the dashboard's own pages. */
export async function authenticate(request: Request, parts: Parts): Promise<Actor | null> {
  const header = request.headers.get('authorization')
  if (header !== null) {
    const [, token] = /^Bearer (\S+)$/i.exec(header) ?? []
    return token ? await parts.stores.users.findByTokenHash(hashSecret(token), parts.clock.now()).then(toActor) : null
  }
  const userId = await readSession(request, parts)
  if (userId === null) return null
  assertSameOrigin(request)
  return toActor(await parts.stores.users.findById(userId))
}

async function readSession(request: Request, parts: Parts): Promise<string | null> {
  const secret = parts.settings.sessionSecret
  if (secret === null) return null
  // As they are: a session token has nothing to decode, and other programs' cookies on this host may not decode at all.
  const cookies = Object.fromEntries(
    (request.headers.get('cookie') ?? '').split('; ').flatMap((pair) => {
      const at = pair.indexOf('=')
      return at > 0 ? [[pair.slice(0, at), pair.slice(at + 1)]] : []
    }),
  )
  const token = await getToken({
    req: { cookies, headers: request.headers } as unknown as Parameters<typeof getToken>[0]['req'],
    secret,
    secureCookie: parts.settings.publicUrl?.startsWith('https:') ?? false,
  })
  return token?.sub ?? null
}

/** Another site's page may make the browser send the cookie; `Sec-Fetch-Site` and `Origin` say whose page it was. */
function assertSameOrigin(request: Request): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  const host = request.headers.get('host')
  const sameOrigin =
    site === null ? origin === null || URL.parse(origin)?.host === host : site === 'same-origin' || site === 'none'
  if (sameOrigin) return
  throw new BerthError('forbidden', 'The request came from a page of another origin.', {
    hint: 'Use the dashboard itself, or an API token.',
  })
}

function toActor(user: { id: string; name: string; email: string; role: 'owner' | 'member' } | null): Actor | null {
  return user && { userId: user.id, name: user.name, email: user.email, role: user.role }
}
