/** What one push may do: exactly one update of the agent's own branch. Pure; the wire is lib/gateway/git. */

export interface RefUpdate {
  oldId: string
  newId: string
  ref: string
}

export interface PushRequest {
  updates: readonly RefUpdate[]
  /** The client sent a push certificate. */
  signed: boolean
  /** The client asked for push options. */
  options: boolean
}

export interface PushRule {
  /** Branch name without `refs/heads/`. */
  targetBranch: string
  /** Tip of that branch as last recorded; null when it was never seen. */
  targetTip: string | null
}

/** Why a push is refused, in words for the person at git's end (one line, ASCII); null when it may go on. */
export function refusePush(push: PushRequest, rule: PushRule): string | null {
  const ref = `refs/heads/${rule.targetBranch}`
  if (push.signed) return 'signed pushes are not supported: push without --signed'
  if (push.options) return 'push options are not supported: push without --push-option'
  const [update, ...more] = push.updates
  if (update === undefined) return 'nothing to push'
  if (more.length > 0) return `one push updates one branch: push ${ref} alone`
  if (update.ref !== ref) return `only ${ref} may be pushed by this agent`
  if (isZeroId(update.newId)) return 'a branch cannot be deleted from a sandbox'
  if (!isZeroId(update.oldId) && update.oldId !== rule.targetTip) {
    return 'the branch has commits that are not from this agent: fetch and merge first'
  }
  return null
}

export function isZeroId(id: string): boolean {
  return /^0+$/.test(id)
}
