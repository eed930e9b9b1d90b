/** A new API token for a person. */
import { BerthError } from '../../errors.ts'
import type { Parts } from '../context.ts'
import { ensureOwner } from '../user/owner.ts'
import { hashSecret, makeSecret } from './secret.ts'

type TokenParts = Pick<Parts, 'stores' | 'ids'>

/** Makes a token for the owner (and the owner, if there is none). The token is in the answer and nowhere else. */
export async function createOwnerToken(parts: TokenParts, input: { name: string }): Promise<{ token: string }> {
  const name = input.name.trim()
  if (name === '' || name.length > 120) {
    throw new BerthError('validation_failed', 'A token needs a name of 1 to 120 characters.', {
      hint: 'For example: npm run token -- laptop',
    })
  }
  const owner = await ensureOwner(parts)
  const token = makeSecret('berth')
  await parts.stores.users.createToken({ id: parts.ids.next('tok'), userId: owner.id, name, hash: hashSecret(token) })
  return { token }
}
