/** Work on one key, one after another: what changes an agent's sandbox. Work on different keys goes on side by side. */

export type InOrder = <T>(key: string, work: () => Promise<T>) => Promise<T>

/** Begins `work` when what was given for the same key before has ended, well or not. */
export function createOrder(): InOrder {
  const last = new Map<string, Promise<unknown>>()
  return async (key, work) => {
    const mine = (last.get(key) ?? Promise.resolve()).then(work, work)
    last.set(key, mine)
    try {
      return await mine
    } finally {
      if (last.get(key) === mine) last.delete(key)
    }
  }
}
