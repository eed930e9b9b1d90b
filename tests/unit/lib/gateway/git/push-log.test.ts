import { expect, test } from 'vitest'
import { createPushLog } from '../../../../../lib/gateway/git/push-log.ts'
import type { GitAccess, RecordedPush } from '../../../../../lib/gateway/ports.ts'
import { createLogger } from '../../../../../lib/logger.ts'

function setUp() {
  const recorded: RecordedPush[] = []
  const lines: string[] = []
  let nowMs = 0
  const access: GitAccess = {
    grant: () => Promise.reject(new Error('Nobody asks here.')),
    recordPush: async (_agentId, push) => {
      recorded.push(push)
    },
  }
  const clock = { now: () => new Date(nowMs), monotonicMs: () => nowMs, sleep: async () => {} }
  const log = createPushLog({
    access,
    clock,
    logger: createLogger({ level: 'info', write: (line) => lines.push(line) }),
  })
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { log, recorded, lines, pass }
}

const push = (changes: Partial<RecordedPush> = {}): RecordedPush => ({
  ref: 'refs/heads/main',
  oldSha: 'a',
  newSha: 'b',
  outcome: 'refused',
  reason: 'no',
  ...changes,
})

test('the same refusal in a loop is one event a minute, and the next says how many there were', async () => {
  const { log, recorded, lines, pass } = setUp()
  for (let times = 0; times < 500; times += 1) await log.record('agt_1', push({ newSha: String(times) }))
  expect(recorded).toEqual([push({ newSha: '0' })])
  expect(lines).toHaveLength(1)
  pass(60_000)
  await log.record('agt_1', push())
  expect(recorded[1]?.note).toBe('499 refusals before this one are not in the log: repeated ones, or too many at once.')
})

test('refs and repositories that a sandbox makes up do not fill the log, and leave others’ room', async () => {
  const { log, recorded } = setUp()
  for (let times = 0; times < 500; times += 1) await log.record('agt_1', push({ ref: `refs/heads/${times}` }))
  for (let times = 0; times < 500; times += 1) await log.record('agt_1', push({ ref: '', repository: `acme/${times}` }))
  expect(recorded).toHaveLength(30)
  expect(recorded.at(-1)?.note).toBe('There are too many: from now on one in 10 seconds is in the log.')
  await log.record('agt_2', push())
  expect(recorded).toHaveLength(31)
})

test('a push that goes through is always an event', async () => {
  const { log, recorded } = setUp()
  const { reason: _none, ...through } = push({ outcome: 'ok' })
  for (let times = 0; times < 100; times += 1) await log.record('agt_1', through)
  expect(recorded).toHaveLength(100)
})

test('another outcome, reason or repository is another event', async () => {
  const { log, recorded } = setUp()
  await log.record('agt_1', push())
  await log.record('agt_1', push({ outcome: 'unknown' }))
  await log.record('agt_1', push({ reason: 'never' }))
  await log.record('agt_1', push({ repository: 'acme/other' }))
  expect(recorded).toHaveLength(4)
})
