/** Passwords: scrypt (RFC 7914) with N=2^16, r=8, p=1, a salt each, the parameters beside the hash. */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import type { User } from '../../store/stores.ts'
import type { Parts } from '../context.ts'

const COST = { N: 2 ** 16, r: 8, p: 1 }
const KEY_BYTES = 32

function derive(password: string, salt: Buffer, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, KEY_BYTES, { ...options, maxmem: 256 * 1024 * 1024 }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('base64')}$${key.toString('base64')}`
}

export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, n, r, p, salt, key] = stored.split('$')
  if (scheme !== 'scrypt' || !salt || !key) return false
  const derived = await derive(password, Buffer.from(salt, 'base64'), { N: Number(n), r: Number(r), p: Number(p) })
  const expected = Buffer.from(key, 'base64')
  return derived.length === expected.length && timingSafeEqual(derived, expected)
}

/** Compared against when nobody has the address, so that the time taken does not tell. */
let decoy: Promise<string> | null = null

/** The person with this e-mail and password, or null. */
export async function authenticate(
  parts: Pick<Parts, 'stores'>,
  input: { email: string; password: string },
): Promise<User | null> {
  decoy ??= hashPassword(randomBytes(16).toString('base64'))
  const user = await parts.stores.users.findByEmail(input.email.trim())
  const matches = await verifyPassword(input.password, user?.passwordHash ?? (await decoy))
  return user?.passwordHash && matches ? user : null
}
