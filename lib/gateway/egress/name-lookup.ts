/**
 * Finding the addresses of names for many sandboxes at once. Owns: that no name, however slow its servers are made to answer,
 * keeps another one waiting. The system's own lookup takes one of the process's four threads until it is done and cannot be
 * ended; so it serves only names that a person wrote. All others are asked of the name servers directly, which takes no thread
 * and ends when nobody waits any more. The hosts file counts in both.
 */
import { lookup, Resolver } from 'node:dns/promises'
import { readFile, stat } from 'node:fs/promises'
import { describeFailure } from '../upstream.ts'
import type { LookupOptions } from './destination.ts'

export type Resolve = (host: string, options: LookupOptions) => Promise<string[]>

export interface NameLookupOptions {
  /** How a name that a person wrote is found; default: the system's way. */
  askSystem?: (host: string) => Promise<string[]>
  /** Instead of the machine's name servers: "127.0.0.1:5353". */
  servers?: string[]
  hostsFile?: string
}

/** Of the four threads that libuv has for such work. */
const MAX_SYSTEM_LOOKUPS = 2
/** Of the first question to a name server, asked twice: a host that is slower is not found. */
const ANSWER_MS = 2_000
const TRIES = 2

export function createNameLookup(options: NameLookupOptions = {}): Resolve {
  const { servers } = options
  const findPinned = createHostsFile(options.hostsFile ?? '/etc/hosts')
  const askSystem = limitLookups(options.askSystem ?? lookUp)

  return async (host, { isInternal, signal }) => {
    signal.throwIfAborted()
    if (isInternal) return askSystem(host)
    const pinned = await findPinned(host)
    if (pinned.length > 0) return pinned
    try {
      return await askServers(host, { servers, signal })
    } catch (error) {
      // Nobody listens where the name servers should be: this machine finds names in some other way.
      if (describeFailure(error) === 'ECONNREFUSED') return askSystem(host)
      throw error
    }
  }
}

async function askServers(
  host: string,
  { servers, signal }: { servers: string[] | undefined; signal: AbortSignal },
): Promise<string[]> {
  const resolver = new Resolver({ timeout: ANSWER_MS, tries: TRIES })
  if (servers !== undefined) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
    const found = [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    // A name has often addresses of one kind only; that it has none at all the other answer says as well.
    if (found.length === 0 && v4.status === 'rejected') throw v4.reason
    return found
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}

/** The same name is asked for once at a time, and two at once: what else in this process needs a thread finds one. */
function limitLookups(ask: (host: string) => Promise<string[]>): (host: string) => Promise<string[]> {
  const pending = new Map<string, Promise<string[]>>()
  const waiting: (() => void)[] = []
  let running = 0

  const askInTurn = async (host: string) => {
    if (running >= MAX_SYSTEM_LOOKUPS) await new Promise<void>((resolve) => waiting.push(resolve))
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

async function lookUp(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, verbatim: true })).map(({ address }) => address)
}

/** The addresses that the hosts file gives a name; it is read again when it was changed. */
function createHostsFile(file: string): (host: string) => Promise<string[]> {
  let known = { changedMs: Number.NaN, addresses: new Map<string, string[]>() }
  return async (host) => {
    try {
      const { mtimeMs } = await stat(file)
      if (mtimeMs !== known.changedMs) {
        known = { changedMs: mtimeMs, addresses: parseHosts(await readFile(file, 'utf8')) }
      }
      return known.addresses.get(host) ?? []
    } catch (error) {
      if (describeFailure(error) === 'ENOENT') return []
      throw error
    }
  }
}

function parseHosts(text: string): Map<string, string[]> {
  const addresses = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/)
    for (const name of names) addresses.set(name, [...(addresses.get(name) ?? []), address])
  }
  return addresses
}
