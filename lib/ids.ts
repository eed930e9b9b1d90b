/** Opaque ids: a prefix that tells a person what it names, then 100 random bits in Crockford's base 32, lower case. */
import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

export type IdPrefix = 'agt' | 'run' | 'evt' | 'usr' | 'tok' | 'lnk' | 'mdl' | 'ins' | 'inc' | 'own' | 'jnl'

export interface Ids {
  /** e.g. `agt_3k9x...`: valid in URLs, container names and labels as it is. */
  next(prefix: IdPrefix): string
}

/** `length` characters of base 32, 5 random bits each. */
export function randomText(length: number): string {
  return Array.from(randomBytes(length), (byte) => ALPHABET[byte & 31]).join('')
}

export const randomIds: Ids = { next: (prefix) => `${prefix}_${randomText(20)}` }
