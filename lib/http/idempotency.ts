/** The same `Idempotency-Key` within 24 hours gets the same answer; another request under it is refused. */
import { createHash } from 'node:crypto'
import { BerthError } from '../errors.ts'
import type { Context } from '../services/context.ts'

export async function withIdempotency(input: {
  ctx: Context
  key: string | null
  request: { method: string; path: string; body: unknown }
  answer: () => Promise<{ status: number; body: unknown }>
}): Promise<{ status: number; body: unknown }> {
  const { ctx, key, request, answer } = input
  if (key === null) return await answer()
  if (key.length === 0 || key.length > 200) {
    throw new BerthError('validation_failed', 'Idempotency-Key must have 1 to 200 characters.', {
      fields: [{ path: 'Idempotency-Key', message: 'must have 1 to 200 characters' }],
    })
  }
  const { idempotency } = ctx.parts.stores
  const { userId } = ctx.actor
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('hex')
  const earlier = await idempotency.begin({ userId, key, requestHash, now: ctx.parts.clock.now() })
  if (earlier.state !== 'new') {
    if (earlier.requestHash !== requestHash) {
      throw new BerthError('idempotency_conflict', 'This Idempotency-Key was used for another request.', {
        hint: 'Use a new key for a new request.',
      })
    }
    if (earlier.state === 'pending' || earlier.status === null) {
      throw new BerthError(
        'idempotency_conflict',
        'The first request with this Idempotency-Key is still being answered.',
        {
          hint: 'Send it again in a moment.',
        },
      )
    }
    return { status: earlier.status, body: earlier.body }
  }
  try {
    const answered = await answer()
    await idempotency.finish({ userId, key, ...answered })
    return answered
  } catch (error) {
    // Nothing was done: the same key may be tried again.
    await idempotency.abandon({ userId, key })
    throw error
  }
}
