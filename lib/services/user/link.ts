/** One-time links: the way in for a person who has no password yet. */
import { z } from 'zod'
import { BerthError } from '../../errors.ts'
import type { Parts } from '../context.ts'
import { hashSecret, makeSecret } from '../token/secret.ts'
import { emailAddress } from './email.ts'
import { hashPassword } from './password.ts'
import { UNCLAIMED_EMAIL } from './unclaimed-email.ts'

const LINK_LIFETIME_MS = 24 * 3_600_000

type LinkParts = Pick<Parts, 'stores' | 'ids' | 'clock'>

export async function createLink(
  parts: LinkParts,
  input: { userId: string; baseUrl: string },
): Promise<{ url: string }> {
  const secret = makeSecret('link')
  const expiresAt = new Date(parts.clock.now().getTime() + LINK_LIFETIME_MS)
  await parts.stores.users.createLink({
    id: parts.ids.next('lnk'),
    hash: hashSecret(secret),
    userId: input.userId,
    expiresAt,
  })
  return { url: `${input.baseUrl}/welcome?token=${secret}` }
}

/** A new person, who comes in by the link that is answered. */
export async function inviteUser(
  parts: LinkParts,
  input: { email: string; baseUrl: string },
): Promise<{ url: string }> {
  const email = emailAddress.safeParse(input.email.trim())
  if (!email.success) {
    throw new BerthError('validation_failed', `"${input.email.slice(0, 200)}" is not an e-mail address.`, {
      hint: 'For example: npm run user -- ada@example.com',
    })
  }
  const known = await parts.stores.users.findByEmail(email.data)
  const user =
    known ??
    (await parts.stores.users.create({
      id: parts.ids.next('usr'),
      email: email.data,
      name: email.data,
      role: 'member',
    }))
  return await createLink(parts, { userId: user.id, baseUrl: input.baseUrl })
}

export const welcomeInput = z.strictObject({
  token: z.string().min(1).max(200),
  email: emailAddress,
  name: z.string().trim().min(1).max(120),
  password: z.string().min(10, 'must have at least 10 characters').max(1_000),
})

/**
 * Uses a link: sets e-mail, name and password. Of two who use it at once, one gets in; with it all links that its person was given
 * are used up, such as those that stand in the log of earlier starts.
 */
export async function redeemLink(parts: LinkParts, input: z.infer<typeof welcomeInput>): Promise<{ email: string }> {
  const now = parts.clock.now()
  const link = await parts.stores.users.findLink(hashSecret(input.token), now)
  if (!link) throw usedUp()
  const other = await parts.stores.users.findByEmail(input.email)
  if (other && other.id !== link.user.id) {
    throw new BerthError('validation_failed', `${input.email} belongs to another person here.`, {
      hint: 'Use another address.',
      fields: [{ path: 'email', message: 'belongs to another person here' }],
    })
  }
  if (link.user.email !== UNCLAIMED_EMAIL && link.user.email !== input.email.toLowerCase()) {
    throw new BerthError('validation_failed', `The link is for ${link.user.email}.`, {
      hint: 'Use that address.',
      fields: [{ path: 'email', message: `must be ${link.user.email}` }],
    })
  }
  const passwordHash = await hashPassword(input.password)
  if (!(await parts.stores.users.claimLink({ id: link.id, userId: link.user.id, now }))) throw usedUp()
  const user = await parts.stores.users.setCredentials(link.user.id, {
    email: input.email,
    name: input.name,
    passwordHash,
  })
  return { email: user.email }
}

function usedUp(): BerthError {
  return new BerthError('unauthenticated', 'The link was used before, has expired or was never given.', {
    hint: 'Get a new one: start Berth again, or run npm run user -- <e-mail>.',
  })
}
