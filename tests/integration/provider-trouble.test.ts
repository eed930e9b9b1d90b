/**
 * Every trouble of a model provider, wherever it strikes: before the head of an answer, in its text, in the arguments of a tool
 * call. Through the real loop, tunnel and gateway; only the back-off takes no time.
 */
import { afterEach, describe, expect, it } from 'vitest'
import type { JournalEvent } from '../../container/contract/events.ts'
import type { Reply } from '../../scripts/stand-ins/model/script.ts'
import { closeRigs } from '../support/executor-rig.ts'
import { type ProviderRig, startProviderRig } from '../support/provider-rig.ts'

let rig: ProviderRig

afterEach(async () => {
  await rig.close()
  closeRigs()
})

const HALF = 'Half of an answer that nobody is to take for a whole one'
const WHOLE = 'The whole answer.'
/** Between two pieces: less than a silence, in all far more. */
const PIECE_MS = 100_000
const page = (contentType: string, body: string, status = 200): Reply => ({
  error: { status, message: '', headers: { 'content-type': contentType }, body },
})
const refused = (status: number, headers: Record<string, string> = {}): Reply => ({
  error: { status, message: 'Try later', headers },
})

/** Each with the words in which a person is told of it. */
const beforeTheHead: [string, Reply, string][] = [
  ...[408, 409, 429, 500, 502, 503, 504, 529].map((status): [string, Reply, string] => [
    `status ${status}`,
    refused(status),
    `answered ${status}: Try later.`,
  ]),
  ['a 503 without a word', page('text/plain', '', 503), 'answered 503.'],
  ['a page of an error', page('text/html', '<html><h1>Bad gateway</h1></html>', 502), 'answered 502: Bad gateway.'],
  ['a dropped connection', { beforeHead: 'reset' }, 'could not be reached: ECONNRESET.'],
  [
    'a page with 200',
    page('text/html', '<html><p>Sign in</p></html>'),
    'answered text/html where a stream was asked for: Sign in.',
  ],
  [
    'an error as a document with 200',
    page('application/json', '{"error":{"message":"Overloaded","code":529}}'),
    'answered 529: Overloaded.',
  ],
  [
    'a whole answer that is not streamed',
    page('application/json', '{"id":"gen-1","choices":[{"message":{"content":"Half of it"}}]}'),
    'answered application/json where a stream was asked for',
  ],
  ['an empty stream', page('text/event-stream', ''), 'the stream ended without a finish reason.'],
  ['a stream of garbage', page('text/event-stream', 'what\ndata: {"ha\n\ndata: [DONE]\n\n'), 'The answer broke off: '],
]

/** What ends a stream that had begun. `after` data chunks of what is said before. */
const inTheStream: [string, (after: number) => Reply, string][] = [
  ['a dropped connection', (after) => ({ cutAfterChunks: after }), 'The answer broke off: '],
  ['an end without a finish reason', () => ({ finish: null }), 'the stream ended without a finish reason.'],
  ['an end with the finish reason "error"', () => ({ finish: 'error' }), 'the provider ended it with an error.'],
  [
    'an error with a status',
    () => ({ midStreamError: { code: 502, message: 'Provider disconnected' } }),
    'answered 502: Provider disconnected.',
  ],
  [
    'an error with a status as text',
    () => ({ midStreamError: { code: '429', message: 'Slow down' } }),
    'answered 429: Slow down.',
  ],
  ['an error with a word', () => ({ midStreamError: { code: 'server_error', message: 'It failed' } }), 'It failed'],
  ['a line of garbage', (after) => ({ garbageAfterChunks: after }), 'The answer broke off: '],
]

const textReply: Reply = { text: HALF, fragmentChars: 12 }
const cutArguments: Reply = { toolCalls: [{ name: 'echo', id: 'cut', input: `{"value":"${HALF}` }], fragmentChars: 4 }

/** Of the tries that followed on a failed one. */
const waits = () => rig.retries().map(({ data }) => (data.detail as { waitMs: number }).waitMs)
/** What was woken before it has run then. */
const aTurn = () => new Promise((resolve) => setImmediate(resolve))
const said = (note: JournalEvent | undefined) => String(note?.data.message)

describe('trouble before the head of an answer', () => {
  it.each(beforeTheHead)('%s is overcome by asking again', async (_name, reply, words) => {
    rig = await startProviderRig([reply, { text: WHOLE }])
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed', summary: WHOLE, steps: 1 })
    expect(rig.executor.types()).toEqual(['run_started', 'thinking', 'error', 'text', 'done'])
    expectOneRetry(words)
  })

  it('a provider that is not there is asked again', async () => {
    rig = await startProviderRig([{ text: WHOLE }], { baseUrlOf: (call) => (call === 1 ? 'http://127.0.0.1:9' : null) })
    expect((await rig.run()).data.summary).toBe(WHOLE)
    expect(said(rig.retries()[0])).toMatch(
      /127\.0\.0\.1:9 could not be reached: ECONNREFUSED\..* Attempt 2 follows in 1 s\.$/,
    )
    expect(rig.settled[0]).toMatchObject({ cut: false, usage: { costUsd: 0, complete: true } })
  })

  it('a provider that says nothing is asked again once, and then waited for no longer', async () => {
    rig = await startProviderRig([{ beforeHead: 'silence' }, { beforeHead: 'silence' }], { idleMs: 500 })
    const done = await rig.run()
    expect(rig.retries()).toHaveLength(1)
    expect(done.data.reason).toBe('provider_error')
    expect(done.data.message).toMatch(
      /no answer and no progress for 500 ms\..* It was asked 2 times, and the 5 minutes that a run waits for an answer are over\. Resume the agent when the provider works again\.$/,
    )
    // Nobody knows what it made of the prompt: that is paid for.
    expect(rig.settled.map(({ usage }) => usage.complete)).toEqual([false, false])
  })
})

describe('the first answer of a run', () => {
  const silence: Reply = { beforeHead: 'silence' }
  const taking = (ms: number, reply: Reply) => () => {
    rig.clock.advance(ms)
    return reply
  }
  const asked = (times: number) => expect.poll(() => rig.model.requests.length).toBe(times)

  it('has five minutes to begin, then the run ends and says why', async () => {
    rig = await startProviderRig([silence])
    rig.begin()
    await asked(1)
    // The gateway, which may have to be heard, waits in the time of the machine.
    rig.clock.advance(309_999)
    await aTurn()
    expect(rig.executor.types()).toEqual(['run_started', 'thinking'])
    rig.clock.advance(1)
    const { data } = await rig.executor.ended('run_1')
    expect(data).toMatchObject({ reason: 'provider_error', durationMs: 310_000 })
    expect(data.message).toBe(
      'The model provider has not begun to answer. It was asked once, and the 5 minutes that a run waits for an answer are over. Resume the agent when the provider works again.',
    )
  })

  it('costs its prompt where the gateway waited in vain', async () => {
    rig = await startProviderRig([taking(300_000, silence)], { idleMs: 500 })
    const { data } = await rig.run()
    expect(data.message).toMatch(
      /no answer and no progress for 500 ms\..* It was asked once, and the 5 minutes that a run waits for an answer are over\./,
    )
    expect(rig.settled).toMatchObject([{ cut: false, usage: { outputTokens: 0, complete: false } }])
  })

  it('has no more for all that goes wrong before it begins', async () => {
    rig = await startProviderRig([taking(100_000, refused(502)), taking(100_000, refused(503)), silence])
    rig.begin()
    await asked(3)
    rig.clock.advance(106_999)
    await aTurn()
    expect(rig.executor.types().at(-1)).toBe('error')
    rig.clock.advance(1)
    const { data } = await rig.executor.ended('run_1')
    expect(data).toMatchObject({ reason: 'provider_error', durationMs: 310_000 })
    expect(data.message).toContain('It was asked 3 times, and the 5 minutes')
  })

  it('is given the rest of a wait that a person cuts short', async () => {
    rig = await startProviderRig([
      refused(429, { 'retry-after': '200' }),
      refused(429, { 'retry-after': '200' }),
      { text: WHOLE },
    ])
    rig.begin()
    await expect.poll(waits).toEqual([200_000])
    rig.clock.advance(2_000)
    rig.executor.executor.attend({ runId: 'run_1', interrupt: true })
    await expect.poll(waits).toEqual([200_000, 200_000])
    rig.clock.advance(200_000)
    expect((await rig.executor.ended('run_1')).data).toMatchObject({ reason: 'completed', durationMs: 202_000 })
  })

  it('is not waited for while there is no tunnel to ask for it', async () => {
    rig = await startProviderRig([{ text: WHOLE }], { isDetached: true })
    rig.begin()
    await expect.poll(rig.executor.types).toEqual(['run_started', 'thinking'])
    rig.clock.advance(600_000)
    await rig.attach()
    expect((await rig.executor.ended('run_1')).data).toMatchObject({ reason: 'completed', durationMs: 600_000 })
  })

  it('was there: the next ones have as long as the gateway waits', async () => {
    const answered = Promise.withResolvers<void>()
    rig = await startProviderRig([
      { toolCalls: [{ name: 'echo', input: { value: 'it' } }] },
      () => answered.promise.then(() => ({ text: WHOLE })),
    ])
    rig.begin()
    await asked(2)
    rig.clock.advance(299_000)
    answered.resolve()
    expect((await rig.executor.ended('run_1')).data).toMatchObject({ reason: 'completed', durationMs: 299_000 })
    expect(rig.retries()).toEqual([])
  })
})

describe('trouble in the text of an answer', () => {
  it.each(inTheStream)('%s is overcome by asking again', async (_name, trouble, words) => {
    rig = await startProviderRig([{ ...textReply, ...trouble(3) }, { text: WHOLE }])
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed', summary: WHOLE, steps: 1 })
    expect(rig.executor.types()).toEqual(['run_started', 'thinking', 'error', 'text', 'done'])
    expectOneRetry(words)
    expectPaid()
  })

  it('an answer that stands still is asked for again', async () => {
    rig = await startProviderRig([{ ...textReply, hangAfterChunks: 3 }, { text: WHOLE }])
    rig.begin()
    await untilDelta()
    rig.clock.advance(180_000)
    expect((await rig.executor.ended('run_1')).data.summary).toBe(WHOLE)
    expectOneRetry('nothing came for 180 s.')
    expectPaid()
  })

  it('an answer that trickles is waited for, however long it takes', async () => {
    const trickle = () => rig.clock.advance(PIECE_MS)
    rig = await startProviderRig([{ text: WHOLE, fragmentChars: 1, beforeChunk: untilHeard(trickle) }])
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'completed', summary: WHOLE })
    expect(Number(done.data.durationMs)).toBeGreaterThanOrEqual(WHOLE.length * PIECE_MS)
    expect(rig.retries()).toEqual([])
  })
})

describe("trouble in a tool call's arguments", () => {
  const whole: Reply[] = [{ toolCalls: [{ name: 'echo', id: 'whole', input: { value: 'it' } }] }, { text: WHOLE }]

  it.each(inTheStream)(
    '%s is overcome by asking again, and nothing of the call is run',
    async (_name, trouble, words) => {
      rig = await startProviderRig([{ ...cutArguments, ...trouble(2) }, ...whole])
      expect((await rig.run()).data).toMatchObject({ reason: 'completed', summary: WHOLE, steps: 2 })
      expectOnlyWholeCall()
      expectOneRetry(words)
      expectPaid()
    },
  )

  it('a call that is whole is not run either when its answer does not say that it has ended', async () => {
    rig = await startProviderRig([{ toolCalls: [{ name: 'echo', input: { value: HALF } }], finish: null }, ...whole])
    expect((await rig.run()).data).toMatchObject({ reason: 'completed', summary: WHOLE, steps: 2 })
    expectOnlyWholeCall()
    expectOneRetry('the stream ended without a finish reason.')
  })

  it('a call that stands still is asked for again', async () => {
    rig = await startProviderRig([{ ...cutArguments, text: HALF, hangAfterChunks: 7 }, ...whole])
    rig.begin()
    await untilDelta()
    rig.clock.advance(180_000)
    expect((await rig.executor.ended('run_1')).data.summary).toBe(WHOLE)
    expectOnlyWholeCall()
    expectOneRetry('nothing came for 180 s.')
  })

  function expectOnlyWholeCall() {
    expect(rig.echoed).toEqual(['it'])
    const calls = rig.executor.events().filter(({ type }) => type === 'tool_call' || type === 'tool_result')
    expect(calls.map(({ data }) => data.toolCallId)).toEqual(['whole', 'whole'])
  }
})

describe('how long it is waited', () => {
  /** As `rig.clock` has it: a date is whole seconds. */
  const inSeconds = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1_000).toUTCString()

  it.each<[string, string, number]>([
    ['seconds', '7', 7_000],
    ['a date', inSeconds(25), 25_000],
    ['a date that is past', inSeconds(-60), 1_000],
    ['none, which still is some time', '0', 1_000],
    ['nothing that can be read', 'soon', 1_000],
  ])('Retry-After is heeded: %s', async (_name, value, waitMs) => {
    rig = await startProviderRig([refused(429, { 'retry-after': value }), { text: WHOLE }])
    expect((await rig.run()).data.reason).toBe('completed')
    expect(waits()).toEqual([waitMs])
    expect(said(rig.retries()[0])).toContain(`Attempt 2 follows in ${waitMs / 1_000} s.`)
  })

  it.each([
    ['301', 'wait for 6 minutes'],
    ['86400', 'wait for 24 hours'],
    ['99999999999999999999', 'wait for more than two days'],
    [inSeconds(3_600), 'wait for 60 minutes'],
  ])('a Retry-After of %s ends the run at once, and says so', async (value, words) => {
    rig = await startProviderRig([refused(503, { 'retry-after': value })])
    const done = await rig.run()
    expect(done.data.reason).toBe('provider_error')
    expect(done.data.message).toMatch(/^127\.0\.0\.1:\d+ answered 503: Try later\. It asks to/)
    expect(done.data.message).toContain(
      `${words}, which is more than is left of the 5 minutes that a run waits for an answer. Resume the agent when`,
    )
    expect(waits()).toEqual([])
  })

  it('ever longer, up to five minutes in all; each try is one request', async () => {
    const begun: Reply = { toolCalls: [{ name: 'echo', input: { value: 'it' } }] }
    rig = await startProviderRig([begun, ...Array.from({ length: 30 }, () => refused(429))])
    const done = await rig.run()
    expect(waits().slice(0, 6)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000])
    const waited = waits().reduce((sum, ms) => sum + ms, 0)
    expect(waited).toBeLessThanOrEqual(300_000)
    expect(waited).toBeGreaterThan(260_000)
    expect(rig.model.requests).toHaveLength(waits().length + 2)
    expect(done.data).toMatchObject({ reason: 'provider_error', steps: 1 })
    expect(done.data.message).toContain(
      `Try later. It was asked ${waits().length + 1} times, and the 5 minutes that a run waits for an answer are over. Resume the agent when the provider works again.`,
    )
  })

  it('a cancel during it takes effect at once', async () => {
    rig = await startProviderRig([refused(429, { 'retry-after': '200' })])
    rig.begin()
    await expect.poll(waits).toEqual([200_000])
    expect(await rig.executor.executor.cancel('run_1')).toEqual({ ended: true })
    expect((await rig.executor.ended('run_1')).data).toMatchObject({ reason: 'cancelled', durationMs: 0 })
    expect(rig.model.requests).toHaveLength(1)
  })

  it("the run's own time limit holds during it", async () => {
    rig = await startProviderRig([refused(429, { 'retry-after': '200' })])
    rig.begin({ limits: { maxSteps: 15, maxTokens: null, maxCostUsd: null, maxDurationMs: 100_000 } })
    await expect.poll(waits).toEqual([200_000])
    rig.clock.advance(100_000)
    expect((await rig.executor.ended('run_1')).data.reason).toBe('time_limit')
  })
})

describe('what asking again cannot mend', () => {
  const rejected =
    /^127\.0\.0\.1:\d+ does not accept the key in OPENROUTER_API_KEY \(401\)\. Set a valid one in \.env and start Berth again\. Then resume the agent\.$/
  const noCredit =
    /^127\.0\.0\.1:\d+ answered 402: Try later\. Add credit to the account of OPENROUTER_API_KEY, or set another key in \.env and start Berth again\. Then resume the agent\.$/
  const forbidden =
    /^127\.0\.0\.1:\d+ answered 403: Try later\. The key in OPENROUTER_API_KEY may not use this model, or not for this request: choose another model, or set another key in \.env and start Berth again\. Then resume the agent\.$/
  const inStream = (code: number): Reply => ({ ...textReply, midStreamError: { code, message: 'No more' } })
  const document = (code: number) => page('application/json', `{"error":{"message":"Try later","code":${code}}}`)

  it.each<[string, Reply, RegExp]>([
    ['a 401', refused(401), rejected],
    ['a 402', refused(402), noCredit],
    ['a 403', refused(403), forbidden],
    ['a 402 as a document with 200', document(402), noCredit],
    ['a 403 as a document with 200', document(403), forbidden],
    [
      'a 400',
      refused(400),
      /answered 400: Try later\. The provider does not take the request; .* begin a new agent for the rest\.$/,
    ],
    [
      'a 404',
      refused(404),
      /answered 404: Try later\. The provider does not know this model: choose another one, then resume the agent\.$/,
    ],
    [
      'a 401 in the text',
      inStream(401),
      /answered 401: No more\. The key in OPENROUTER_API_KEY is not accepted: set another one in \.env/,
    ],
    [
      'a 402 in the text',
      inStream(402),
      /answered 402: No more\. The credit of the key in OPENROUTER_API_KEY is used up: add some/,
    ],
    [
      'a 403 in the text',
      inStream(403),
      /answered 403: No more\. The key in OPENROUTER_API_KEY may not use this model/,
    ],
  ])('%s ends the run at once, and says what to do', async (_name, reply, words) => {
    rig = await startProviderRig([reply])
    const done = await rig.run()
    expect(done.data).toMatchObject({ reason: 'provider_error', message: expect.stringMatching(words) })
    expect(rig.executor.types()).toEqual(['run_started', 'thinking', 'done'])
    expect(rig.model.requests).toHaveLength(1)
    expect(JSON.stringify(rig.executor.events())).not.toContain('Half')
  })
})

/** One note in the log that says what happened and when it is asked again; the same request again; nothing half in the log. */
function expectOneRetry(words: string) {
  const [note, ...more] = rig.retries()
  expect(more).toEqual([])
  expect(said(note)).toContain(words)
  expect(said(note)).toMatch(/ Attempt 2 follows in 1 s\.$/)
  expect(note?.data.abandonedMessageIds).toEqual(['msg_1', 'msg_2'])
  const [first, second] = rig.model.requests
  expect(second?.request?.body).toEqual(first?.request?.body)
  expect(rig.model.requests).toHaveLength(rig.executor.types().filter((type) => type === 'thinking').length + 1)
  expect(rig.model.unscripted).toEqual([])
  const log = rig.executor.events().filter(({ data }) => data.code !== 'provider_retry')
  expect(JSON.stringify(log)).not.toContain('Half')
  expect(rig.executor.journal.openMessages()).toEqual([])
}

/** Each try was metered by itself; of one that broke off the prompt and what had come are known, and the name to ask for its price by. */
function expectPaid() {
  expect(rig.settled).toHaveLength(rig.model.requests.length)
  const [broken] = rig.settled
  expect(broken?.usage.inputTokens).toBeGreaterThan(0)
  expect(broken?.usage.outputTokens).toBeGreaterThan(0)
  expect(broken?.usage.generationId).toMatch(/^gen-/)
}

async function untilDelta() {
  await new Promise<void>((resolve) => {
    const stop = rig.executor.journal.subscribe(() => {
      if (rig.executor.journal.openMessages().length === 0) return
      stop()
      resolve()
    })
  })
}

/** Lets time pass before a piece once the loop has all that was sent before it. */
function untilHeard(pass: () => void): (sent: number) => Promise<void> {
  return async (sent) => {
    if (sent > WHOLE.length) return
    const heard = () => rig.executor.journal.openMessages()[0]?.text.length ?? 0
    if (sent > 0) await expect.poll(heard, { interval: 1 }).toBe(sent)
    pass()
  }
}
