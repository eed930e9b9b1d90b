/** One change at a time to one file: calls for the same path wait for one another, others do not. */
import type { Workspace } from '../workspace-port.ts'

const waiting = new WeakMap<Workspace, Map<string, Promise<unknown>>>()

/** Runs `action` when every earlier one for the path is over, however it ended. `path` is compared as it is given. */
export async function withPathLock<T>(workspace: Workspace, path: string, action: () => Promise<T>): Promise<T> {
  const locks = waiting.get(workspace) ?? new Map<string, Promise<unknown>>()
  waiting.set(workspace, locks)
  const earlier = locks.get(path) ?? Promise.resolve()
  const mine = earlier.then(action, action)
  locks.set(path, mine)
  try {
    return await mine
  } finally {
    if (locks.get(path) === mine) locks.delete(path)
  }
}
