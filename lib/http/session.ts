/** Sign-in of the dashboard by next-auth: e-mail and password, a signed cookie. People are kept by lib/services/user. */
import type { NextAuthOptions } from 'next-auth'
import CredentialsProvider from 'next-auth/providers/credentials'
import { authenticate } from '../services/user/password.ts'
import { requireParts } from './parts.ts'

const SESSION_SECONDS = 30 * 24 * 3_600

export function sessionOptions(): NextAuthOptions {
  const parts = requireParts()
  return {
    ...(parts.settings.sessionSecret !== null && { secret: parts.settings.sessionSecret }),
    session: { strategy: 'jwt', maxAge: SESSION_SECONDS },
    pages: { signIn: '/sign-in' },
    providers: [
      CredentialsProvider({
        name: 'E-mail and password',
        credentials: { email: { label: 'E-mail', type: 'email' }, password: { label: 'Password', type: 'password' } },
        async authorize(credentials) {
          if (!credentials) return null
          const user = await authenticate(parts, {
            email: credentials.email ?? '',
            password: credentials.password ?? '',
          })
          return user && { id: user.id, name: user.name, email: user.email }
        },
      }),
    ],
  }
}
