/**
 * The connections to the database. Owns: their number, their deadlines, and that a server which is away is told from one that
 * refuses. Knows nothing of tables.
 */
import pg from 'pg'
import { BerthError } from '../errors.ts'

/** Enough for a page's parallel reads and the streams' writes; a server shared by several control planes allows 100 by default. */
const POOL_SIZE = 10
const CONNECT_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 60_000
/** Longer than any statement takes: only a server that has fallen silent is given up. */
const ANSWER_TIMEOUT_MS = 60_000
/** Finds a connection whose other end is gone without a word. */
const KEEP_ALIVE_AFTER_MS = 10_000

/**
 * Times are stored without their zone, as UTC, whatever the server's own zone is. Said on each connection: as a parameter of the
 * connection it would give way to the URL's own, and some poolers refuse it.
 */
const SESSION = "SET TIME ZONE 'UTC'"

const CODE = 'database_unreachable'

export interface PoolOptions {
  connectTimeoutMs?: number
  answerTimeoutMs?: number
}

type Call = (...given: unknown[]) => unknown

/** A pool on postgres://... It connects with the first query. What `isUnreachable` knows is thrown when the server does not answer. */
export function createPool(url: string, options: PoolOptions = {}): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    query_timeout: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    // The pool waits for it, and gives a connection up on which it fails.
    onConnect: (client) => client.query(SESSION),
  })
  pool.on('connect', (client) => {
    // An answer that comes too late would be taken for the next one's: the connection goes with the statement.
    const query = markingAway(client.query.bind(client), () => void client.end().catch(() => undefined))
    Object.assign(client, { query })
  })
  return Object.assign(pool, {
    query: markingAway(pool.query.bind(pool)),
    connect: markingAway(pool.connect.bind(pool)),
  })
}

/** The driver's calls also take a callback, and then return nothing: what is passed to that is told by who called. */
function markingAway(call: Call, onAway: () => void = () => {}): Call {
  return (...given) => {
    const answer = call(...given)
    if (!(answer instanceof Promise)) return answer
    return answer.catch((error: unknown) => {
      if (!saysAway(error)) throw error
      onAway()
      throw Object.assign(new Error(error.message || CODE, { cause: error }), { code: CODE })
    })
  }
}

/** The server ends or refuses sessions for now (SQLSTATE classes 08 and 57P, 53300), or no longer lets this one in (28, 3D000). */
const AWAY = /^(08...|57P..|53300|28...|3D000)$/

/** Whatever is not said by the server is said by the driver, of the connection; a mistake in a call is neither. */
function saysAway(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError) return AWAY.test(error.code ?? '')
  return error instanceof Error && !(error instanceof TypeError) && !('code' in error && error.code === CODE)
}

/** Prisma's: a transaction could not begin, or go on, in its time. */
const TRANSACTION_LATE = 'P2028'

/** True for what a pool's calls throw when the server is away, also after Prisma has put it in an error of its own. */
function isUnreachable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === CODE || error.code === TRANSACTION_LATE)
}

/** The same store, whose methods throw `database_unreachable` in words while the server is away. */
export function inWords<T extends object>(store: T): T {
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver)
      if (typeof member !== 'function') return member
      return async (...given: unknown[]) => {
        try {
          return await Reflect.apply(member, target, given)
        } catch (error) {
          throw isUnreachable(error) ? unreachable(error) : error
        }
      }
    },
  })
}

function unreachable(cause: unknown): BerthError {
  if (cause instanceof BerthError) return cause
  return new BerthError(CODE, 'The database does not answer.', {
    hint: 'Try again in a moment; if it stays, look at the database server.',
    cause,
  })
}
