/**
 * Resolving names as this machine does (hosts file, name service), for many sandboxes at once. Owns: that their names never
 * take all the threads that the process's own file and name work needs, and that one name is asked for once at a time.
 */
import { lookup } from 'node:dns/promises'

/** Of the four threads that libuv has for such work. */
const MAX_AT_ONCE = 2

export type Resolve = (host: string) => Promise<string[]>

export function createNameLookup(ask: Resolve = askSystem): Resolve {
  const pending = new Map<string, Promise<string[]>>()
  const waiting: (() => void)[] = []
  let running = 0

  const askInTurn = async (host: string) => {
    if (running >= MAX_AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
    else running += 1
    try {
      return await ask(host)
    } finally {
      // The place is handed on as it is, so that nobody who comes now gets ahead.
      const next = waiting.shift()
      if (next === undefined) running -= 1
      else next()
      pending.delete(host)
    }
  }

  return (host) => {
    const answer = pending.get(host) ?? askInTurn(host)
    pending.set(host, answer)
    return answer
  }
}

async function askSystem(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)
}
