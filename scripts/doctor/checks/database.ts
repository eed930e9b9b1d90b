/** The database: the embedded one, running or at rest, or the server that DATABASE_URL names. Starts nothing and makes nothing. */
import { OLDEST_MAJOR } from '../../../lib/store/await-server.ts'
import { type EmbeddedState, inspectEmbedded } from '../../../lib/store/embedded/inspect.ts'
import { EmbeddedProblem } from '../../../lib/store/embedded/problem.ts'
import { type DatabaseState, inspectDatabase } from '../../../lib/store/inspect-database.ts'
import { type Finding, ok, problem, warning } from '../finding.ts'

/** What was found on asking a server. `code`: the system's or PostgreSQL's, else null. */
export type DatabaseAnswer = { state: DatabaseState } | { code: string | null; words: string }

export type DatabaseFacts =
  | {
      kind: 'named'
      /** Without the password. */
      shown: string
      answer: DatabaseAnswer
    }
  | {
      kind: 'embedded'
      /** Or why there is none for this machine, or the system's code for files that cannot be looked at. */
      embedded: EmbeddedState | { words: string } | { refusal: string }
      /** Null: it is at rest. */
      answer: DatabaseAnswer | null
    }

const TIMEOUT_MS = 5_000

/** Never rejects for a server that cannot be asked. */
export async function readDatabase(settings: {
  databaseUrl: string | null
  dataDirectory: string
}): Promise<DatabaseFacts> {
  const { databaseUrl, dataDirectory } = settings
  if (databaseUrl !== null)
    return { kind: 'named', shown: showDatabase(databaseUrl), answer: await askServer(databaseUrl) }
  try {
    const embedded = await inspectEmbedded(dataDirectory)
    return {
      kind: 'embedded',
      embedded,
      answer: embedded.runningAt === null ? null : await askServer(embedded.runningAt),
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const isRefusal = !(error instanceof EmbeddedProblem) && 'code' in error
    return {
      kind: 'embedded',
      embedded: isRefusal ? { refusal: String(error.code) } : { words: error.message },
      answer: null,
    }
  }
}

async function askServer(url: string): Promise<DatabaseAnswer> {
  try {
    return { state: await inspectDatabase(url, TIMEOUT_MS) }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    return { code: 'code' in error ? String(error.code) : null, words: error.message }
  }
}

function showDatabase(url: string): string {
  const { username, host, pathname } = new URL(url)
  return `postgres://${username === '' ? '' : `${username}@`}${host}${pathname}`
}

const BECAUSE = 'there is no database'

export function judgeDatabase(facts: DatabaseFacts): Finding[] {
  return facts.kind === 'named' ? judgeNamed(facts) : judgeEmbedded(facts)
}

function judgeEmbedded({ embedded, answer }: Extract<DatabaseFacts, { kind: 'embedded' }>): Finding[] {
  if ('refusal' in embedded) {
    return [
      problem(
        `The files of the embedded database cannot be looked at (${embedded.refusal})`,
        'They lie in the data folder: see what is said of that. Or name a PostgreSQL server in DATABASE_URL.',
        BECAUSE,
      ),
    ]
  }
  if ('words' in embedded) {
    return [problem(embedded.words, 'Run npm ci; or name a PostgreSQL server in DATABASE_URL.', BECAUSE)]
  }
  const { home, programMajor, clusterMajor } = embedded
  if (clusterMajor !== null && clusterMajor !== programMajor) {
    return [
      problem(
        `The data in ${home} is of PostgreSQL ${clusterMajor}; this Berth brings ${programMajor}`,
        'Use the Berth that made it, and take a dump there (pg_dump) for this one; or name an empty folder in BERTH_DATA_DIR.',
        BECAUSE,
      ),
    ]
  }
  const name = `embedded PostgreSQL ${programMajor} in ${home}`
  if (clusterMajor === null) return [ok(`${name}, made at the first start`)]
  if (answer === null) return [ok(`${name}, at rest until Berth starts`)]
  if ('state' in answer) return judgeState(`${name}, running`, answer.state)
  return [
    problem(
      `${name} runs and does not answer (${answer.code ?? answer.words})`,
      `Its log says why: ${home}/server.log. End Berth and start it again.`,
      'the database does not answer',
    ),
  ]
}

function judgeNamed({ shown, answer }: Extract<DatabaseFacts, { kind: 'named' }>): Finding[] {
  if ('state' in answer) return judgeState(`PostgreSQL ${answer.state.version} at ${shown}`, answer.state)
  const { code, words } = answer
  const said = `${shown} cannot be used: ${words || code}`
  return [problem(said, `${adviseOnRefusal(code)} Leave DATABASE_URL empty to have an embedded one.`, BECAUSE)]
}

/** By the system's codes, and PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function adviseOnRefusal(code: string | null): string {
  switch (code) {
    case 'ECONNREFUSED':
      return 'Nobody listens there: start the server, or correct host and port in DATABASE_URL.'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'Nobody knows that host: correct it in DATABASE_URL.'
    case '28P01':
    case '28000':
      return 'Correct user name and password in DATABASE_URL.'
    case '3D000':
      return 'Make the database (createdb), or correct its name in DATABASE_URL.'
    case '53300':
      return 'The server has no connection left: raise its max_connections, or end what holds them.'
    default:
      return 'Try it: psql with the same address.'
  }
}

const OLDEST_MAINTAINED = 140_000

function judgeState(name: string, state: DatabaseState): Finding[] {
  const findings = [...judgeServer(name, state), ...judgeMigrations(name, state)]
  return findings.length === 0 ? [ok(`${name}, ${describePending(state)}`)] : findings
}

function describePending({ pending }: DatabaseState): string {
  return pending.length === 0 ? 'up to date' : `${pending.length} migrations pending: npm start applies them`
}

function judgeServer(name: string, { versionNumber, encoding, writable, foreign }: DatabaseState): Finding[] {
  const findings: Finding[] = []
  if (foreign) {
    findings.push(
      warning(`${name} holds the tables of another program`, 'Name a database of its own for Berth in DATABASE_URL.'),
    )
  }
  if (encoding !== 'UTF8') {
    findings.push(
      problem(
        `${name} is encoded in ${encoding}`,
        "Make it anew: CREATE DATABASE berth ENCODING 'UTF8' TEMPLATE template0",
        'the database cannot hold every letter',
      ),
    )
  }
  if (!writable) {
    findings.push(
      problem(
        `${name} cannot be written: a replica, read-only, or no right to make tables`,
        'Name the main server, and a user who owns the database, in DATABASE_URL.',
        'the database cannot be written',
      ),
    )
  }
  if (versionNumber < OLDEST_MAJOR * 10_000) {
    findings.push(
      problem(
        `${name} is older than Berth needs`,
        `Update it to PostgreSQL ${OLDEST_MAJOR} or later; the newest is best.`,
        'the database is too old',
      ),
    )
  } else if (versionNumber < OLDEST_MAINTAINED) {
    findings.push(warning(`${name} is no longer maintained by its makers`, 'Update it to PostgreSQL 14 or later.'))
  }
  return findings
}

function judgeMigrations(name: string, { unknown, failed }: DatabaseState): Finding[] {
  const findings: Finding[] = []
  const [first] = failed
  if (first !== undefined) {
    findings.push(
      warning(`${name}: the migration ${first} began and did not end`, 'It was rolled back; npm start tries it again.'),
    )
  }
  if (unknown.length > 0) {
    findings.push(
      problem(
        `${name} was used by a newer Berth (migration ${unknown.at(-1)})`,
        'Use that version again: git pull. Or go back with a dump from before, in a database of its own.',
        'the database is of a newer version',
      ),
    )
  }
  return findings
}
