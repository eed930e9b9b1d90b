import { expect, test } from 'vitest'
import { createDenialLog } from '../../../../../lib/gateway/egress/denial-log.ts'
import { silentLogger } from '../../../../../lib/logger.ts'
import { fakeEgressAccess } from '../../../../support/tunnel-rig.ts'

const REFUSAL = { rule: 'not_on_allowlist', reason: 'r', cure: 'c' }

function createHeldLog() {
  let nowMs = 0
  const egress = fakeEgressAccess({ mode: 'none', allow: [], internalHosts: [] })
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: async () => {} }
  const log = createDenialLog({ access: egress.access, logger: silentLogger, clock })
  const advance = (ms: number) => {
    nowMs += ms
  }
  return { log, advance, egress }
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

test('a sandbox that makes up names fills at most a hundred lines a minute', async () => {
  const { log, advance, egress } = createHeldLog()
  for (let index = 0; index < 500; index += 1) await log.record('agt_1', { host: `h${index}.test`, port: 443 }, REFUSAL)
  expect(egress.denials).toHaveLength(100)
  advance(60_000)
  await log.record('agt_1', { host: 'again.test', port: 443 }, REFUSAL)
  expect(egress.denials).toHaveLength(101)
})

test('a store that fails does not change the refusal', async () => {
  const { log, egress } = createHeldLog()
  egress.access.recordDenied = async () => {
    throw new Error('no database')
  }
  await expect(log.record('agt_1', { host: 'a.test', port: 443 }, REFUSAL)).resolves.toBeUndefined()
})
