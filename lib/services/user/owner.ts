/** The first person: made before anybody has signed in, so that tokens and agents have somebody to belong to. */

import type { User } from '../../store/stores.ts'
import type { Parts } from '../context.ts'
import { createLink } from './link.ts'
import { UNCLAIMED_EMAIL } from './unclaimed-email.ts'

export async function ensureOwner(parts: Pick<Parts, 'stores' | 'ids'>): Promise<User> {
  const owner = await parts.stores.users.findOwner()
  if (owner) return owner
  const id = parts.ids.next('usr')
  return await parts.stores.users.create({ id, email: UNCLAIMED_EMAIL, name: 'Owner', role: 'owner' })
}

/** A one-time link for the owner while nobody has claimed the place; null afterwards. */
export async function ensureOwnerLink(
  parts: Pick<Parts, 'stores' | 'ids' | 'clock'>,
  baseUrl: string,
): Promise<{ url: string } | null> {
  const owner = await ensureOwner(parts)
  if (owner.passwordHash !== null) return null
  return await createLink(parts, { userId: owner.id, baseUrl })
}
