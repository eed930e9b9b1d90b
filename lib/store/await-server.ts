/**
 * Waits for a PostgreSQL server that somebody else runs, and says in words why it cannot be used. Owns: which failures pass by
 * themselves, and which version is needed. Must not know: tables, what the database is for.
 */
import pg from 'pg'
import { systemClock } from '../clock.ts'

/** The oldest version that the tests have passed on. */
export const OLDEST_MAJOR = 13

const ATTEMPT_MS = 5_000
const BETWEEN_ATTEMPTS_MS = 500
/** What the driver reports without a code is mostly a wrong setting, and sometimes a connection cut while the server starts. */
const UNCLEAR_MS = 10_000

/** The system's words for nobody there. */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
])
/** The server's: it starts, it stops, it has no connection left (SQLSTATE). */
const AWAY_FOR_NOW = /^(57P0[1-3]|53300)$/

const NOT_TRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

export interface AwaitServer {
  /** postgres://... */
  url: string
  /** How long a server that is not there is waited for. */
  timeoutMs: number
  /** Why it waits, whenever the reason changes. */
  onWait(line: string): void
  signal: AbortSignal
}

/** The server cannot be used; the message says why and what to do, without the password. */
export class ServerUnusable extends Error {
  override readonly name = 'ServerUnusable'
}

/** Resolves when the database takes a session. Throws ServerUnusable, at once for what no waiting mends, or the signal's reason. */
export async function awaitServer({ url, timeoutMs, onWait, signal }: AwaitServer): Promise<void> {
  const began = performance.now()
  let said: string | null = null
  for (;;) {
    signal.throwIfAborted()
    const failure = await tryServer(url, Math.min(ATTEMPT_MS, timeoutMs))
    if (failure === null) return
    const waitsFor = { away: timeoutMs, unclear: Math.min(UNCLEAR_MS, timeoutMs), refused: 0 }[failure.kind]
    if (performance.now() - began + BETWEEN_ATTEMPTS_MS > waitsFor) {
      const waited = failure.kind === 'refused' ? '' : ` Waited ${Math.round(waitsFor / 1_000)} s.`
      throw new ServerUnusable(`${failure.words}${waited}`, { cause: failure.cause })
    }
    if (failure.words !== said) onWait(`${failure.words} Waiting for it.`)
    said = failure.words
    await systemClock.sleep(BETWEEN_ATTEMPTS_MS, signal)
  }
}

interface Failure {
  kind: 'away' | 'unclear' | 'refused'
  words: string
  cause?: unknown
}

async function tryServer(url: string, attemptMs: number): Promise<Failure | null> {
  const began = performance.now()
  const client = openClient(url, attemptMs)
  const { host, port, user, database } = client
  const server: ServerNames = { host, port, user, database, hasPassword: typeof client.password === 'string' }
  // A session that ends is told twice: by the call that fails, which is enough, and by this event.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query(
      "SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding",
    )
    return judge(server, { version: Number(rows[0]?.version), encoding: String(rows[0]?.encoding) })
  } catch (error) {
    const isLate = performance.now() - began >= attemptMs
    return isLate ? away(server, `no answer within ${Math.ceil(attemptMs / 1_000)} s`, error) : describe(server, error)
  } finally {
    await client.end()
  }
}

/** Also reads the certificate files that the address names. */
function openClient(url: string, attemptMs: number): pg.Client {
  try {
    return new pg.Client({ connectionString: url, connectionTimeoutMillis: attemptMs, query_timeout: attemptMs })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ServerUnusable(`The address of the database cannot be used: ${reason}.`, { cause })
  }
}

interface ServerNames {
  host: string
  port: number
  user: string | undefined
  database: string | undefined
  hasPassword: boolean
}

const nameOf = ({ host, port }: ServerNames) => `The database server at ${host}:${port}`

function away(server: ServerNames, reason: string, cause?: unknown): Failure {
  return { kind: 'away', words: `${nameOf(server)} cannot be reached: ${reason}.`, cause }
}

/** `version` as server_version_num: 150004 is 15.4. Every letter that an agent may write has to find a place. */
function judge(server: ServerNames, { version, encoding }: { version: number; encoding: string }): Failure | null {
  const major = Math.floor(version / 10_000)
  if (major < OLDEST_MAJOR) {
    return { kind: 'refused', words: `${nameOf(server)} is PostgreSQL ${major}; Berth needs ${OLDEST_MAJOR} or newer.` }
  }
  if (encoding === 'UTF8') return null
  const cure = `Make it anew: CREATE DATABASE "${server.database}" ENCODING 'UTF8' TEMPLATE template0;`
  return {
    kind: 'refused',
    words: `The database "${server.database}" of the server at ${server.host}:${server.port} is encoded in ${encoding}; Berth needs UTF8. ${cure}`,
  }
}

function describe(server: ServerNames, error: unknown): Failure {
  if (!(error instanceof Error)) throw error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null
  const reason = (error.message || code || error.name).replace(/\.$/, '')
  // The driver's own words for a password that is wanted and not there name no password.
  const lacking = server.hasPassword ? '' : ', and there is no password in DATABASE_URL'
  if (code === null) return { ...away(server, `${reason}${lacking}`, error), kind: 'unclear' }
  if (AWAY.has(code) || AWAY_FOR_NOW.test(code)) return away(server, reason, error)
  const words = refusalWords(server, code) ?? `${nameOf(server)} refuses: ${reason} (${code}).`
  return { kind: 'refused', words, cause: error }
}

function refusalWords(server: ServerNames, code: string): string | null {
  const { user, database } = server
  const name = nameOf(server)
  if (code === '28P01') return `${name} does not accept the password of the user "${user}".`
  if (code === '3D000') {
    return `${name} has no database "${database}". Make it there: CREATE DATABASE "${database}" OWNER "${user}";`
  }
  if (NOT_TRUSTED.has(code)) {
    return `${name} shows a certificate that is not trusted (${code}). Name its authority's certificate in BERTH_EXTRA_CA, or take it unchecked with sslmode=no-verify.`
  }
  return null
}
