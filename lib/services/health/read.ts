/** Whether the control plane can do its work, and what is not configured yet. Cheap: asked often and without signing in. */
import type { Clock } from '../../clock.ts'
import type { EngineStatus } from '../../drivers/sandbox/port.ts'
import type { Actor, Parts } from '../context.ts'
import type { Stray } from '../sandbox/strays.ts'

/** Anybody may ask, as often as they like: neither is asked twice at the same time. Who waits for the database hears of it at once. */
const DATABASE_FRESH_MS = 0
const ENGINE_FRESH_MS = 5_000
/** Whoever asks wants to know soon, however long a query may take. */
const DATABASE_ANSWERS_MS = 3_000

export interface HealthView {
  status: 'ok' | 'degraded'
  database: { reachable: boolean }
  engine: EngineStatus
  driver: string
  isolated: boolean
  /** A model key is set. */
  modelKey: boolean
  /** A GitHub token is set. */
  githubToken: boolean
  /** Sandboxes that no agent accounts for, as of the last look: stopped, and kept for the owner to see. */
  strays: readonly Stray[]
}

const databases = new WeakMap<object, Known<boolean>>()
const engines = new WeakMap<object, Known<EngineStatus>>()

export async function readHealth(parts: Parts): Promise<HealthView> {
  const { clock, stores, driver } = parts
  const [database, engine] = await Promise.all([
    readFresh({ clock, known: databases, of: stores, freshMs: DATABASE_FRESH_MS, read: () => pingDatabase(parts) }),
    readFresh({ clock, known: engines, of: driver, freshMs: ENGINE_FRESH_MS, read: () => driver.probe() }),
  ])
  return {
    status: database && engine.reachable ? 'ok' : 'degraded',
    database: { reachable: database },
    engine,
    driver: parts.driver.kind,
    isolated: parts.driver.isolated,
    modelKey: parts.settings.openrouter.apiKey !== null,
    githubToken: parts.settings.github.token !== null,
    strays: parts.strays.found(),
  }
}

/** False also when it has not answered in time. */
async function pingDatabase({ stores, clock }: Parts): Promise<boolean> {
  const answered = new AbortController()
  const late = clock.sleep(DATABASE_ANSWERS_MS, answered.signal).catch(() => undefined)
  try {
    return await Promise.race([
      stores.ping().then(
        () => true,
        () => false,
      ),
      late.then(() => false),
    ])
  } finally {
    answered.abort()
  }
}

/** What this person may see of it: others' agents do not exist for a member. */
export function showHealth(health: HealthView, actor: Pick<Actor, 'role'> | null): Partial<HealthView> {
  if (actor === null) return { status: health.status }
  return actor.role === 'owner' ? health : { ...health, strays: [] }
}

interface Known<T> {
  answer: Promise<T>
  /** Infinity while it is being asked. */
  staleAtMs: number
}

/** What is being asked, or was answered at most `freshMs` ago. Never rejects, as `read` does not. */
function readFresh<T>(input: {
  clock: Clock
  known: WeakMap<object, Known<T>>
  of: object
  freshMs: number
  read: () => Promise<T>
}): Promise<T> {
  const { clock, known, of, freshMs, read } = input
  const last = known.get(of)
  if (last && clock.monotonicMs() < last.staleAtMs) return last.answer
  const asking: Known<T> = { answer: read(), staleAtMs: Number.POSITIVE_INFINITY }
  known.set(of, asking)
  return asking.answer.finally(() => {
    asking.staleAtMs = clock.monotonicMs() + freshMs
  })
}
