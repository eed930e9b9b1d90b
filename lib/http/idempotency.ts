/**
 * The same `Idempotency-Key` within 24 hours gets the same answer, and joins the request that is still being answered; another
 * request under it is refused. So is a repetition where that answer was lost: what was done is never done twice.
 */
import { createHash } from 'node:crypto'
import { BerthError, isBerthError } from '../errors.ts'
import type { Context } from '../services/context.ts'

interface Answered {
  status: number
  body: unknown
}

interface KeyedRequest {
  ctx: Context
  key: string
  requestHash: string
  answer: () => Promise<Answered>
}

/** What this process is answering, by person and key. */
const inFlight = new Map<string, { requestHash: string; answered: Promise<Answered> }>()

export async function withIdempotency(input: {
  ctx: Context
  key: string | null
  request: { method: string; path: string; body: unknown }
  answer: () => Promise<Answered>
}): Promise<Answered> {
  const { ctx, key, request, answer } = input
  if (key === null) return await answer()
  if (key.length === 0 || key.length > 200) {
    throw new BerthError('validation_failed', 'Idempotency-Key must have 1 to 200 characters.', {
      fields: [{ path: 'Idempotency-Key', message: 'must have 1 to 200 characters' }],
    })
  }
  const requestHash = createHash('sha256').update(JSON.stringify(request)).digest('hex')
  const name = `${ctx.actor.userId} ${key}`
  const known = inFlight.get(name)
  if (known) {
    if (known.requestHash !== requestHash) throw usedForAnother()
    return await known.answered
  }
  const answered = answerOnce({ ctx, key, requestHash, answer }).finally(() => inFlight.delete(name))
  inFlight.set(name, { requestHash, answered })
  return await answered
}

async function answerOnce({ ctx, key, requestHash, answer }: KeyedRequest): Promise<Answered> {
  const { idempotency } = ctx.parts.stores
  const { userId } = ctx.actor
  const earlier = await idempotency.begin({ userId, key, requestHash, now: ctx.parts.clock.now() })
  if (earlier.state !== 'new') {
    if (earlier.requestHash !== requestHash) throw usedForAnother()
    if (earlier.state === 'done' && earlier.status !== null) return { status: earlier.status, body: earlier.body }
    throw new BerthError(
      'idempotency_conflict',
      'The first request with this Idempotency-Key is being answered elsewhere, or its answer was not kept: a restart or the database came between.',
      { hint: 'Look whether it took effect; if it did not, send it with a new key.' },
    )
  }
  let answered: Answered
  try {
    answered = await answer()
  } catch (error) {
    if (saysNothingWasDone(error)) await abandon(ctx, key)
    throw error
  }
  try {
    await idempotency.finish({ userId, key, ...answered })
  } catch (error) {
    // It was done: who asked is told so, and the key stays taken, for a repetition would do it twice.
    ctx.parts.logger.warn('an answer could not be kept for its Idempotency-Key', { userId, error })
  }
  return answered
}

/** A refusal is decided before anything is stored. What else goes wrong may do so after it. */
function saysNothingWasDone(error: unknown): boolean {
  return isBerthError(error) && error.code !== 'database_unreachable' && error.code !== 'internal'
}

/** The same key may be tried again. */
async function abandon({ parts, actor: { userId } }: Context, key: string): Promise<void> {
  try {
    await parts.stores.idempotency.abandon({ userId, key })
  } catch (error) {
    parts.logger.warn('an Idempotency-Key could not be given back', { userId, error })
  }
}

function usedForAnother(): BerthError {
  return new BerthError('idempotency_conflict', 'This Idempotency-Key was used for another request.', {
    hint: 'Use a new key for a new request.',
  })
}
