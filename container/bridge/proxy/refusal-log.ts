/**
 * What the proxy refused lately, for those who read a command's output: most programs show of a refused CONNECT no more than
 * "403". Owns: the last refusals. Must not know: which program asked (a proxy cannot tell).
 */
import type { Workspace } from '../workspace-port.ts'

const MAX_KEPT = 100
const MAX_SHOWN = 5

export interface RefusalLog {
  record(target: string, reason: string): void
  /** How many there were up to now. */
  count(): number
  /** The different ones after the first `count`, in words, five at most. */
  since(count: number): string[]
}

export function createRefusalLog(): RefusalLog {
  let total = 0
  let kept: string[] = []
  return {
    record(target, reason) {
      total += 1
      kept = [...kept, `${target.slice(0, 300)} was refused: ${reason}`].slice(-MAX_KEPT)
    },
    count: () => total,
    since(count) {
      const fresh = total === count ? [] : [...new Set(kept.slice(-(total - count)))]
      if (fresh.length <= MAX_SHOWN) return fresh
      return [...fresh.slice(0, MAX_SHOWN), `${fresh.length - MAX_SHOWN} more addresses were refused.`]
    },
  }
}

/** The same workspace; a command's result says what the network refused while it ran. */
export function withRefusalNotices(workspace: Workspace, log: RefusalLog): Workspace {
  return {
    ...workspace,
    async run(request, options) {
      const before = log.count()
      const result = await workspace.run(request, options)
      const notices = log.since(before)
      return notices.length === 0 ? result : { ...result, notices }
    },
  }
}
