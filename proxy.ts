/**
 * Pages are for people who are signed in: everyone else is sent to sign in first, and back afterwards.
 * Owns: that redirect. Must not know: what a page shows; the API does its own refusing, so /api is left out.
 */
import { type NextRequest, NextResponse } from 'next/server'
import { getToken } from 'next-auth/jwt'
import { requireParts } from './lib/http/parts.ts'

export async function proxy(request: NextRequest): Promise<NextResponse> {
  const { sessionSecret } = requireParts().settings
  const session = sessionSecret === null ? null : await getToken({ req: request, secret: sessionSecret })
  if (session !== null) return NextResponse.next()
  const signIn = request.nextUrl.clone()
  const wanted = `${signIn.pathname}${signIn.search}`
  signIn.pathname = '/sign-in'
  signIn.search = wanted === '/' ? '' : `?callbackUrl=${encodeURIComponent(wanted)}`
  return NextResponse.redirect(signIn)
}

export const config = { matcher: ['/', '/agents', '/agents/:path*'] }
