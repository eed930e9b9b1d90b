import { expect, test } from 'vitest'
import { createDenialLog } from '../../../../../lib/gateway/egress/denial-log.ts'
import { createLogger } from '../../../../../lib/logger.ts'
import { fakeEgressAccess } from '../../../../support/tunnel-rig.ts'

const REFUSAL = { rule: 'not_on_allowlist', reason: 'r', cure: 'c' }

function createHeldLog() {
  let nowMs = 0
  const lines: string[] = []
  const egress = fakeEgressAccess({ mode: 'none', allow: [], internalHosts: [] })
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: async () => {} }
  const logger = createLogger({ level: 'debug', write: (line) => lines.push(line) })
  const log = createDenialLog({ access: egress.access, logger, clock })
  const advance = (ms: number) => {
    nowMs += ms
  }
  const refuse = (host: string) => log.record('agt_1', { host, port: 443 }, REFUSAL)
  const flood = async (count: number, prefix: string) => {
    for (let index = 0; index < count; index += 1) await refuse(`${prefix}${index}.test`)
  }
  const notes = () => egress.denials.map(({ note }) => note)
  return { log, advance, egress, refuse, flood, notes, lines }
}

test('the same host, port and rule are recorded once a minute and agent', async () => {
  const { log, advance, egress } = createHeldLog()
  const target = { host: 'a.test', port: 443 }
  await log.record('agt_1', target, REFUSAL)
  await log.record('agt_1', target, REFUSAL)
  await log.record('agt_2', target, REFUSAL)
  await log.record('agt_1', { ...target, port: 80 }, REFUSAL)
  await log.record('agt_1', target, { ...REFUSAL, rule: 'mode_none' })
  expect(egress.denials).toHaveLength(4)
  advance(60_000)
  await log.record('agt_1', target, REFUSAL)
  expect(egress.denials).toHaveLength(5)
})

test('a sandbox that makes up names fills a hundred lines, and then one in six seconds, in the events as in the log', async () => {
  const { advance, egress, flood, lines } = createHeldLog()
  await flood(500, 'a')
  expect(egress.denials).toHaveLength(100)
  advance(60_000)
  await flood(500, 'b')
  expect(egress.denials).toHaveLength(110)
  expect(lines).toHaveLength(110)
  advance(3_600_000)
  await flood(500, 'c')
  expect(egress.denials).toHaveLength(210)
})

test('what is left out is said: by the last before it, and by the next after it with the number', async () => {
  const { advance, flood, notes, refuse } = createHeldLog()
  await flood(99, 'a')
  expect(notes().filter((note) => note !== undefined)).toEqual([])
  await flood(300, 'b')
  expect(notes()).toHaveLength(100)
  expect(notes().at(-1)).toBe('There are too many: from now on one in 6 seconds is in the log.')
  advance(6_000)
  await refuse('next.test')
  expect(notes().at(-1)).toMatch(
    /^299 refusals before this one are not in the log: repeated ones, or too many at once\./,
  )
})

test('repeated ones are counted for the next that is recorded', async () => {
  const { notes, refuse } = createHeldLog()
  for (let times = 0; times < 4; times += 1) await refuse('a.test')
  await refuse('b.test')
  expect(notes()).toEqual([
    undefined,
    '3 refusals before this one are not in the log: repeated ones, or too many at once.',
  ])
})

test('a store that fails does not change the refusal', async () => {
  const { log, egress } = createHeldLog()
  egress.access.recordDenied = async () => {
    throw new Error('no database')
  }
  await expect(log.record('agt_1', { host: 'a.test', port: 443 }, REFUSAL)).resolves.toBeUndefined()
})
