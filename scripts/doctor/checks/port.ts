/** Where the dashboard listens: free, taken by this very installation, or by somebody else. */
import { openHttpServer } from '../../../lib/composition/http-server.ts'
import { findInstance } from '../../../lib/composition/instance-lock.ts'
import { StartRefused } from '../../../lib/composition/start-refused.ts'
import type { Upstream } from '../../../lib/gateway/upstream.ts'
import { ask } from '../ask.ts'
import { type Finding, ok, problem, warning } from '../finding.ts'

export interface PortFacts {
  host: string
  port: number
  /** As NEXTAUTH_URL has it. */
  publicUrl: string | null
  /** The control plane of this data folder, when it runs; `url` null while it starts. */
  instance: { pid: number; url: string | null } | null
  /** Why the port cannot be had, in the words of a start; null: it is free, or not asked for. */
  refusal: string | null
  /** Where another installation of Berth answers on it. */
  other: string | null
}

const TIMEOUT_MS = 3_000

export async function readPort(
  settings: { host: string; port: number; publicUrl: string | null; dataDirectory: string },
  upstream: Upstream,
): Promise<PortFacts> {
  const { host, port, publicUrl, dataDirectory } = settings
  const instance = await findInstance(dataDirectory).catch(ignoreClosed)
  const base = { host, port, publicUrl, instance, refusal: null, other: null }
  if (instance !== null) return base
  const refusal = await tryPort(settings)
  if (refusal === null) return base
  const url = `http://${reachable(host)}:${port}`
  return { ...base, refusal, other: (await isBerth(upstream, url)) ? url : null }
}

/** A data folder that is closed to us has its own check. */
function ignoreClosed(error: unknown): null {
  if (error instanceof Error && 'code' in error) return null
  throw error
}

/** Listens for a moment: nothing else tells of every reason. */
async function tryPort(settings: { host: string; port: number }): Promise<string | null> {
  try {
    const server = await openHttpServer(settings)
    await server.close()
    return null
  } catch (error) {
    if (error instanceof StartRefused) return error.message
    throw error
  }
}

const reachable = (host: string) =>
  host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host

/** By how it refuses those who are not signed in. */
async function isBerth(upstream: Upstream, url: string): Promise<boolean> {
  const reply = await ask(upstream, { url: `${url}/api/agents`, timeoutMs: TIMEOUT_MS })
  if (reply.kind === 'failure' || !reply.headers['content-type']?.startsWith('application/problem+json')) return false
  return (
    typeof reply.body === 'object' &&
    reply.body !== null &&
    'code' in reply.body &&
    reply.body.code === 'unauthenticated'
  )
}

export function judgePort(facts: PortFacts): Finding[] {
  return [judgeTaken(facts), ...judgeExposed(facts)]
}

function judgeTaken({ host, port, instance, refusal, other }: PortFacts): Finding {
  if (instance !== null) {
    const where = instance.url === null ? 'is starting' : `runs at ${instance.url}`
    return ok(`Berth ${where} (process ${instance.pid})`)
  }
  if (refusal === null) return ok(port === 0 ? `any free one on ${host}` : `${port} on ${host} is free`)
  if (other !== null) {
    return warning(
      `${other} is Berth already, but not on this data folder`,
      `Use that one, or start this one beside it: PORT=${port + 1} npm start`,
    )
  }
  // A refusal says what is there, and then what to do.
  const [found = refusal, ...advice] = refusal.split(/(?<=\.) /)
  return problem(found, advice.join(' '), 'npm start cannot have its port')
}

function judgeExposed({ host, publicUrl }: PortFacts): Finding[] {
  const isLocal = host === 'localhost' || host === '::1' || host.startsWith('127.')
  if (isLocal || publicUrl?.startsWith('https:')) return []
  return [
    warning(
      `HOST=${host}: passwords and tokens go over the network as they are`,
      'Put a proxy with TLS in front and name its address in NEXTAUTH_URL=https://..., or leave HOST empty.',
    ),
  ]
}
