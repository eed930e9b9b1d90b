import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Journal, openJournal } from '../../../../../container/bridge/journal/journal.ts'
import { MAX_EVENT_BYTES } from '../../../../../container/contract/events.ts'
import { systemClock } from '../../../../../lib/clock.ts'
import { randomIds } from '../../../../../lib/ids.ts'
import { silentLogger } from '../../../../../lib/logger.ts'

let directory: string
let open: Journal[] = []

async function journalOf(folder = directory): Promise<Journal> {
  const journal = await openJournal({ directory: folder, ids: randomIds, clock: systemClock, logger: silentLogger })
  open.push(journal)
  return journal
}

function say(journal: Journal, text: string, messageId = 'm1') {
  return journal.append({ type: 'text', runId: 'run_1', data: { step: 1, messageId, text } })
}

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'berth-journal-'))
})

afterEach(() => {
  vi.useRealTimers()
  for (const journal of open) journal.close()
  open = []
  fs.rmSync(directory, { recursive: true })
})

describe('the journal', () => {
  it('numbers events from 1 and goes on where it was after being opened again', async () => {
    const first = await journalOf()
    expect(first.empty).toBe(true)
    expect([say(first, 'a').n, say(first, 'b').n]).toEqual([1, 2])

    const second = await journalOf()
    expect(second.journalId).toBe(first.journalId)
    expect(second.lastN).toBe(2)
    expect(say(second, 'c').n).toBe(3)
    expect(second.read(1).map((event) => event.data.text)).toEqual(['b', 'c'])
  })

  it('has an event in the file before append returns', async () => {
    const journal = await journalOf()
    say(journal, 'on disk')
    expect(fs.readFileSync(path.join(directory, 'journal.ndjson'), 'utf8')).toContain('on disk')
  })

  it('keeps inputs for folding and never gives them to readers', async () => {
    const journal = await journalOf()
    journal.appendInput({
      kind: 'history',
      events: [{ id: 'evt_0', type: 'text', runId: null, data: { text: 'old' } }],
    })
    journal.appendInput({ kind: 'message', runId: 'run_1', message: { eventId: 'evt_1', text: 'do it' } })
    say(journal, 'done')
    expect([...(await journalOf()).entries()].map((entry) => entry.kind)).toEqual(['input', 'input', 'event'])
    expect(journal.read(0)).toHaveLength(1)
    expect(journal.lastN).toBe(1)
  })

  it('knows which runs were begun and which have ended, also after a restart', async () => {
    const journal = await journalOf()
    const data = { inputEventId: 'evt_1', model: 'm', maxSteps: 15, continued: false }
    journal.append({ type: 'run_started', runId: 'run_1', data })
    journal.append({ type: 'run_started', runId: 'run_2', data })
    const totals = { steps: 1, inputTokens: 1, outputTokens: 1, durationMs: 1 }
    journal.append({ type: 'done', runId: 'run_1', data: { reason: 'completed', ...totals } })
    const again = await journalOf()
    expect(['run_1', 'run_2', 'run_3'].map(again.runState)).toEqual(['ended', 'open', 'unknown'])
  })

  it('begins anew under another id when its last line is cut at any byte', async () => {
    const original = await journalOf()
    say(original, 'first')
    say(original, 'the last, with an é')
    const file = fs.readFileSync(path.join(directory, 'journal.ndjson'))
    const lastLineAt = file.lastIndexOf('\n', file.length - 2) + 1
    for (let length = lastLineAt + 1; length < file.length; length += 1) {
      const folder = fs.mkdtempSync(path.join(directory, 'cut-'))
      fs.writeFileSync(path.join(folder, 'journal.ndjson'), file.subarray(0, length))
      const journal = await journalOf(folder)
      expect(journal.journalId).not.toBe(original.journalId)
      expect(journal.lastN).toBe(0)
      expect(fs.readFileSync(path.join(folder, 'journal.previous.ndjson'))).toHaveLength(length)
    }
    const whole = fs.mkdtempSync(path.join(directory, 'whole-'))
    fs.writeFileSync(path.join(whole, 'journal.ndjson'), file.subarray(0, lastLineAt))
    expect((await journalOf(whole)).journalId).toBe(original.journalId)
  })

  it.each([
    ['an empty file', () => ''],
    ['a foreign format', (text: string) => text.replace('"format":1', '"format":99')],
    ['a hole in the numbers', (text: string) => text.replace('"n":2,', '"n":3,')],
    ['a line of zeros', (text: string) => `${text}${'\0'.repeat(20)}\n`],
    ['a line that is JSON of another kind', (text: string) => `${text}{"a":1}\n`],
  ])('begins anew after %s', async (_name, damage) => {
    const original = await journalOf()
    say(original, 'a')
    say(original, 'b')
    const file = path.join(directory, 'journal.ndjson')
    fs.writeFileSync(file, damage(fs.readFileSync(file, 'utf8')))
    const journal = await journalOf()
    expect(journal.journalId).not.toBe(original.journalId)
    expect(say(journal, 'new').n).toBe(1)
  })

  it('begins anew when it is renewed, and tells its readers', async () => {
    const journal = await journalOf()
    const before = journal.journalId
    say(journal, 'a')
    const heard = vi.fn()
    journal.subscribe(heard)
    journal.renew('the control plane has stored 5 events of it')
    expect(heard).toHaveBeenCalledTimes(1)
    expect(journal.journalId).not.toBe(before)
    expect([journal.lastN, journal.empty, journal.read(0)]).toEqual([0, true, []])
  })

  it('has its beginning when it starts with words of a person, or a history was put into it', async () => {
    const journal = await journalOf()
    expect(journal.hasBeginning).toBe(false)
    journal.appendInput({ kind: 'message', runId: 'run_1', message: { eventId: 'evt_1', text: 'do it' } })
    expect([journal.hasBeginning, (await journalOf()).hasBeginning]).toEqual([true, true])
    journal.renew('shorter than acknowledged')
    say(journal, 'in the middle of a run')
    journal.appendInput({ kind: 'message', runId: 'run_2', message: { eventId: 'evt_2', text: 'more' } })
    expect([journal.hasBeginning, (await journalOf()).hasBeginning]).toEqual([false, false])
    journal.appendInput({ kind: 'history', events: [] })
    expect([journal.hasBeginning, (await journalOf()).hasBeginning]).toEqual([true, true])
  })

  it('replaces what PostgreSQL refuses before it writes', async () => {
    const journal = await journalOf()
    expect(say(journal, 'a\0b\uD800c').data.text).toBe('a\uFFFDb\uFFFDc')
    expect(journal.read(0)[0]?.data.text).toBe('a\uFFFDb\uFFFDc')
  })

  it('reads in pieces of about the size asked for, each event once', async () => {
    const journal = await journalOf()
    for (let index = 0; index < 500; index += 1) {
      if (index % 7 === 0) {
        journal.appendInput({ kind: 'message', runId: 'run_1', message: { eventId: 'e', text: 'y'.repeat(3_000) } })
      }
      say(journal, `${index} ${'x'.repeat(2_000)}`)
    }
    const seen: number[] = []
    for (let page = journal.read(0, 64_000); page.length > 0; page = journal.read(seen.length, 64_000)) {
      expect(JSON.stringify(page).length).toBeLessThan(80_000)
      seen.push(...page.map((event) => event.n))
    }
    expect(seen).toEqual(Array.from({ length: 500 }, (_, index) => index + 1))
  })

  it('shortens the texts of an event that is too large and keeps the rest of it', async () => {
    const journal = await journalOf()
    const event = journal.append({
      type: 'file_change',
      runId: 'run_1',
      data: {
        path: 'big.txt',
        change: 'modified',
        additions: 1,
        deletions: 0,
        diff: `head${'é'.repeat(600_000)}tail`,
        truncated: false,
      },
    })
    expect(event.type).toBe('file_change')
    expect(event.data).toMatchObject({ path: 'big.txt', additions: 1, truncated: true })
    expect(event.data.diff).toMatch(/^head.*characters left out.*tail$/s)
    expect(Buffer.byteLength(JSON.stringify(event))).toBeLessThanOrEqual(MAX_EVENT_BYTES)
  })

  it('puts an error in the place of an event that cannot be made to fit', async () => {
    const journal = await journalOf()
    const input = { list: Array.from({ length: 200_000 }, (_, index) => index) }
    const event = journal.append({
      type: 'tool_call',
      runId: 'run_1',
      data: { step: 1, toolCallId: 'c1', tool: 'write_file', input },
    })
    expect(event).toMatchObject({ n: 1, type: 'error', data: { code: 'event_too_large' } })
    expect(say(journal, 'goes on').n).toBe(2)
  })
})

describe('deltas', () => {
  const delta = (journal: Journal, messageId: string, text: string) =>
    journal.delta({ type: 'text_delta', runId: 'run_1', messageId, delta: text })

  it('are announced once for all that came within 50 ms, and let a late reader have the message so far', async () => {
    vi.useFakeTimers()
    const journal = await journalOf()
    const heard = vi.fn()
    journal.subscribe(heard)
    for (const text of ['one ', 'two ', 'three']) delta(journal, 'm1', text)
    expect(heard).not.toHaveBeenCalled()
    vi.advanceTimersByTime(60)
    expect(heard).toHaveBeenCalledTimes(1)
    expect(journal.openMessages()).toEqual([
      { messageId: 'm1', type: 'text_delta', runId: 'run_1', start: 0, text: 'one two three' },
    ])
  })

  it('end with the stored event of their message, and all of a run with its done', async () => {
    const journal = await journalOf()
    delta(journal, 'm1', 'a')
    delta(journal, 'm2', 'b')
    delta(journal, 'call_1', 'c')
    say(journal, 'a', 'm1')
    expect(journal.openMessages().map((message) => message.messageId)).toEqual(['m2', 'call_1'])
    const result = { step: 1, toolCallId: 'call_1', tool: 't', outcome: 'ok', output: '', durationMs: 1 } as const
    journal.append({ type: 'tool_result', runId: 'run_1', data: result })
    expect(journal.openMessages().map((message) => message.messageId)).toEqual(['m2'])
    const totals = { steps: 1, inputTokens: 1, outputTokens: 1, durationMs: 1 }
    journal.append({ type: 'done', runId: 'run_1', data: { reason: 'cancelled', ...totals } })
    expect(journal.openMessages()).toEqual([])
  })

  it('hold back half a surrogate pair until its other half comes', async () => {
    const journal = await journalOf()
    delta(journal, 'm1', 'x\uD83D')
    expect(journal.openMessages()[0]?.text).toBe('x')
    delta(journal, 'm1', '\uDE00y')
    expect(journal.openMessages()[0]?.text).toBe('x\u{1F600}y')
  })

  it('keep a bounded tail of a message without end, at its true offset', async () => {
    const journal = await journalOf()
    for (let index = 0; index < 100; index += 1) delta(journal, 'm1', String(index % 10).repeat(100_000))
    const [message] = journal.openMessages()
    expect((message?.start ?? 0) + (message?.text.length ?? 0)).toBe(10_000_000)
    expect(message?.text.length).toBeLessThan(600_000)
  })
})
