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

/** Why a push is refused by its commands alone, in words for the person at git's end (one line, ASCII); null when it may go on. */
export function refusePush(push: PushRequest, rule: PushRule): string | null {
  const ref = `refs/heads/${rule.targetBranch}`
  if (push.signed) return 'signed pushes are not supported: push without --signed'
  if (push.options) return 'push options are not supported: push without --push-option'
  const [update, ...more] = push.updates
  if (update === undefined) return 'nothing to push'
  if (more.length > 0) return `one push updates one branch: push ${ref} alone`
  if (update.ref !== ref) return `only ${ref} may be pushed by this agent`
  if (isZeroId(update.newId)) return 'a branch cannot be deleted from a sandbox'
  return null
}

/**
 * Why an update is refused when the branch is at `tip` (null: there is none); null when the update begins there. A forge says
 * the same in its own words, but only after the whole pack, and its answer can be lost.
 */
export function refuseStale(update: RefUpdate, tip: string | null): string | null {
  if (isZeroId(update.oldId) ? tip === null : tip === update.oldId) return null
  const where = tip === null ? 'is gone from the git host' : `is at ${tip.slice(0, 7)} on the git host`
  return `the branch ${where} meanwhile: fetch it and look, then push again`
}

/**
 * Whether the branch is where this agent itself left it, so that the agent may put it anywhere. Where somebody else moved it,
 * it may only be moved on: to a commit that descends from the one it is at.
 */
export function mayRewrite(update: RefUpdate, rule: PushRule): boolean {
  return isZeroId(update.oldId) || update.oldId === rule.targetTip
}

export const DROPS_COMMITS =
  'the branch has commits that are not from this agent, and this push would drop them: fetch, merge or rebase onto them, and push without force'

export function isZeroId(id: string): boolean {
  return /^0+$/.test(id)
}
