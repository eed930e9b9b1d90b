/** Whether the control plane can do its work, and what is not configured yet. Cheap: asked often and without signing in. */
import type { EngineStatus } from '../../drivers/sandbox/port.ts'
import type { Actor, Parts } from '../context.ts'
import type { Stray } from '../sandbox/strays.ts'

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

const engines = new WeakMap<object, { at: number; status: Promise<EngineStatus> }>()

export async function readHealth(parts: Parts): Promise<HealthView> {
  const [database, engine] = await Promise.all([pingDatabase(parts), probeEngine(parts)])
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

function probeEngine(parts: Parts): Promise<EngineStatus> {
  const known = engines.get(parts.driver)
  if (known && parts.clock.monotonicMs() - known.at < ENGINE_FRESH_MS) return known.status
  const status = parts.driver.probe()
  engines.set(parts.driver, { at: parts.clock.monotonicMs(), status })
  return status
}
