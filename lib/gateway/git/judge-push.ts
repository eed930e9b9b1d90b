/**
 * Whether one update may be forwarded: by its commands, by where the branch really is, and, where somebody else moved the
 * branch, by the commits in the pack. Owns: the order of these questions. Must not know: how a refusal is told.
 */
import type { RefUpdate } from '../../domain/ref-policy.ts'
import { DROPS_COMMITS, mayRewrite, refusePush, refuseStale } from '../../domain/ref-policy.ts'
import type { GitGrant } from '../ports.ts'
import { Refusal } from '../refusal.ts'
import type { ByteSource } from './byte-source.ts'
import type { ForgeConnection } from './forge-connection.ts'
import { DESCENT_BYTES, showsDescent } from './pack-descent.ts'
import type { PushHead } from './push-request.ts'
import { readRemoteTip } from './remote-tip.ts'

export type Judgement =
  | { refusal: string }
  /** `pack`: what was read of the pack meanwhile, to be forwarded first. */
  | { refusal: null; update: RefUpdate; pack: Buffer }

export async function judgePush(input: {
  head: PushHead
  source: ByteSource
  forge: ForgeConnection
  grant: GitGrant
  repository: string
}): Promise<Judgement> {
  const { head, source, grant } = input
  const [update] = head.updates
  const refusal = refusePush(head, grant)
  if (refusal !== null || update === undefined) return { refusal: refusal ?? 'nothing to push' }
  const tip = await askTip({ ...input, ref: update.ref })
  if ('refusal' in tip) return tip
  const stale = refuseStale(update, tip.id)
  if (stale !== null) return { refusal: stale }
  if (mayRewrite(update, grant)) return { refusal: null, update, pack: head.rest }
  const pack = await source.take(head.rest, DESCENT_BYTES)
  if (!showsDescent({ pack, newId: update.newId, oldId: update.oldId })) return { refusal: DROPS_COMMITS }
  return { refusal: null, update, pack }
}

async function askTip(
  query: Parameters<typeof readRemoteTip>[0],
): Promise<{ id: string | null } | { refusal: string }> {
  try {
    return { id: await readRemoteTip(query) }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { refusal: error.message }
  }
}
