import { expect, it } from 'vitest'
import { systemClock } from '../../../../../lib/clock.ts'
import { readSettings } from '../../../../../lib/config.ts'
import type { Parts } from '../../../../../lib/services/context.ts'
import { type HealthView, readHealth, showHealth } from '../../../../../lib/services/health/read.ts'

const stray: HealthView['strays'][number] = {
  agentId: 'agt_1',
  incarnation: 'inc_1',
  engineId: 'abc',
  state: 'stopped',
  reason: 'at_rest',
  message: 'It ran.',
  hint: 'Look at it.',
}
const health: HealthView = {
  status: 'ok',
  database: { reachable: true },
  engine: { reachable: true, description: 'Fake 1.0', version: '1.0' },
  driver: 'docker',
  isolated: true,
  modelKey: true,
  githubToken: false,
  strays: [stray],
}

it('is shown whole to the owner, without other people’s agents to a member, and as a word to anybody else', () => {
  expect(showHealth(health, { role: 'owner' })).toEqual(health)
  expect(showHealth(health, { role: 'member' })).toEqual({ ...health, strays: [] })
  expect(showHealth(health, null)).toEqual({ status: 'ok' })
})

/** Parts of which only the clock, what is asked and how the database answers matter. */
function makeParts() {
  const world = { nowMs: 0, isAway: false, asked: { database: 0, engine: 0 } }
  const parts = {
    clock: { ...systemClock, monotonicMs: () => world.nowMs },
    stores: {
      async ping() {
        world.asked.database += 1
        if (world.isAway) throw new Error('away')
      },
    },
    driver: {
      kind: 'fake',
      isolated: true,
      async probe() {
        world.asked.engine += 1
        return health.engine
      },
    },
    settings: readSettings({}, '/nowhere'),
    strays: { found: () => [] },
  } as unknown as Parts
  return { world, parts }
}

it('asks the database once for all who ask together, and the engine once in five seconds', async () => {
  const { world, parts } = makeParts()
  for (; world.nowMs < 10_000; world.nowMs += 100)
    await Promise.all(Array.from({ length: 50 }, () => readHealth(parts)))
  expect(world.asked).toEqual({ database: 100, engine: 2 })
})

it('says at once that the database is away', async () => {
  const { world, parts } = makeParts()
  expect(await readHealth(parts)).toMatchObject({ status: 'ok' })
  world.isAway = true
  expect(await readHealth(parts)).toMatchObject({ status: 'degraded', database: { reachable: false } })
})
