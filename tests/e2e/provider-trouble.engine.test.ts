/**
 * A model provider in trouble, on the whole path: what the person sees of it, what the log keeps, what is run and what is paid.
 * The whole matrix is in tests/integration/provider-trouble.test.ts.
 */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import type { Reply } from '../../scripts/stand-ins/model/script.ts'
import { createWatchedAgent, type WatchedAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const HALF = 'Half of an answer that nobody is to take for a whole one'
const HALF_CALL = JSON.stringify({ command: `echo ${HALF} > half.txt` }).slice(0, -1)
const cutCall: Reply = { toolCalls: [{ name: 'run_command', id: 'cut', input: HALF_CALL }], fragmentChars: 4 }
const later = (status: number, retryAfter: string): Reply => ({
  error: { status, message: 'Try later', headers: { 'retry-after': retryAfter } },
})
/** The contract says one second; a busy machine gets some more. */
const SOON_MS = 5_000

let installation: TestInstallation
let agent: WatchedAgent

beforeAll(async () => {
  installation = await startInstallation({
    script: {
      'Go through it.': [
        later(429, '1'),
        { text: HALF, cutAfterChunks: 3 },
        { ...cutCall, cutAfterChunks: 3 },
        { ...cutCall, midStreamError: { code: 529, message: 'Overloaded' } },
        { toolCalls: [{ ...runCommand('ls'), id: 'whole' }] },
        { text: 'Through.' },
      ],
      'Be cancelled.': [later(429, '200')],
      'Wait for an hour.': [later(503, '3600'), { text: 'Now it works.' }],
      'Use a key that was revoked.': [{ error: { status: 401, message: 'User not found.' } }],
    },
  })
})
afterEach(() => agent?.unwatch())
afterAll(async () => {
  await installation?.close()
})

const isRetry = ({ type, data }: EventView) => type === 'error' && data.code === 'provider_retry'
const retries = () => agent.events.filter(isRetry).map(({ data }) => String(data.message))
const of = (type: string) => agent.events.filter((event) => event.type === type)

async function start(task: string) {
  agent = await createWatchedAgent(installation.api, { githubRepo: sampleCase.repo, task })
  return (await installation.api.startAgent(agent.id)).run
}

it('each try is seen while it is waited; nothing half is kept or run; what broke off is paid for', async () => {
  const run = await start('Go through it.')
  await agent.until('the first wait', isRetry)
  expect(of('done')).toEqual([])
  const done = await agent.untilRunIsOver(run.id)
  expect(done.data).toMatchObject({ reason: 'completed', summary: 'Through.', steps: 2 })
  expect(retries()).toEqual([
    expect.stringMatching(/answered 429: Try later\. Attempt 2 follows in 1 s\.$/),
    expect.stringMatching(/^The answer broke off: .* Attempt 3 follows in [12] s\.$/),
    expect.stringMatching(/^The answer broke off: .* Attempt 4 follows in [234] s\.$/),
    expect.stringMatching(/answered 529: Overloaded\. Attempt 5 follows in [4-8] s\.$/),
  ])
  expect(of('tool_call').map(({ data }) => data.toolCallId)).toEqual(['whole'])
  expect(agent.result('whole').output).not.toContain('half.txt')
  expect(JSON.stringify(agent.events)).not.toContain('Half')
  expect(agent.events.map(({ seq }) => seq)).toEqual(wholeNumbers(agent.events))

  const asked = installation.model.requests.filter(({ request }) => request?.conversation === 'Go through it.')
  expect(asked).toHaveLength(6)
  // Of those that were cut the provider's own record says the price; it comes a moment later.
  await expect.poll(() => of('usage').length, { timeout: 30_000 }).toBe(asked.length)
  const costs = of('usage').map(({ data }) => Number(data.costUsd))
  expect(costs.filter((costUsd) => costUsd === 0)).toHaveLength(1)
  const [stored] = await installation.api.listRuns(agent.id)
  expect(stored?.costUsd).toBeCloseTo(
    costs.reduce((sum, costUsd) => sum + costUsd, 0),
    9,
  )
})

it('a cancel during a wait takes effect at once', async () => {
  const run = await start('Be cancelled.')
  const wait = await agent.until('the wait', isRetry)
  expect(wait.data.message).toMatch(/Attempt 2 follows in 200 s\.$/)
  const asked = performance.now()
  expect((await installation.api.call('POST', `/api/agents/${agent.id}/cancel`)).status).toBe(202)
  const done = await agent.until('done', ({ type }) => type === 'done')
  expect(performance.now() - asked).toBeLessThan(SOON_MS)
  expect(done.data.reason).toBe('cancelled')
  await agent.untilRunIsOver(run.id)
})

it('a wait that is too long ends the run with what to do, and the agent can be resumed', async () => {
  const run = await start('Wait for an hour.')
  const done = await agent.untilRunIsOver(run.id)
  expect(done.data).toMatchObject({
    reason: 'provider_error',
    message: expect.stringMatching(
      /answered 503: Try later\. It asks to wait for 60 minutes, .* Resume the agent when the provider works again\.$/,
    ),
  })
  expect(retries()).toEqual([])
  expect((await installation.api.getAgent(agent.id)).status).toBe('READY')
  const resumed = await installation.api.resumeAgent(agent.id, 'Go on.')
  expect((await agent.untilRunIsOver(resumed.run.id)).data).toMatchObject({
    reason: 'completed',
    summary: 'Now it works.',
  })
})

it('a key that is not accepted ends the run at once, and says which one and where to change it', async () => {
  const run = await start('Use a key that was revoked.')
  const done = await agent.untilRunIsOver(run.id)
  expect(done.data).toMatchObject({
    reason: 'provider_error',
    message: expect.stringMatching(
      /does not accept the key in OPENROUTER_API_KEY \(401\)\. Set a valid one in \.env and start Berth again\. Then resume the agent\.$/,
    ),
  })
  expect(retries()).toEqual([])
})
