/**
 * The journal's file: lines in, lines out, and an index of where each event begins, so that a reader who is behind reads the
 * file and costs no memory. All calls are synchronous: a line is in the file before `append` returns. Owns: the path, the
 * format, what counts as damaged. Must not know: events' meaning beyond a run's first and last.
 */
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { Logger } from '../../../lib/logger.ts'
import { historyEvent, personMessage } from '../../contract/bridge.ts'
import { type JournalEvent, journalEvent } from '../../contract/events.ts'
import type { JournalEntry, JournalInput, RunState } from './journal.ts'
import { JournalError } from './journal-error.ts'
import { readLines } from './read-lines.ts'
import { isDiskFull, keepReserve, releaseReserve } from './reserve.ts'

const FORMAT = 1
const FILE_NAME = 'journal.ndjson'
/** The journal before this one, kept for a person to look at. */
const PREVIOUS_FILE_NAME = 'journal.previous.ndjson'

const header = z.looseObject({ journalId: z.string().min(1), format: z.literal(FORMAT), createdAt: z.string() })
const inputLine = z.looseObject({
  input: z.discriminatedUnion('kind', [
    z.looseObject({ kind: z.literal('message'), runId: z.string(), message: personMessage }),
    z.looseObject({ kind: z.literal('history'), events: z.array(historyEvent) }),
  ]),
})

export interface JournalFile {
  readonly journalId: string
  readonly lastN: number
  /** Lines after the header. */
  readonly lineCount: number
  readonly hasBeginning: boolean
  appendEvent(event: JournalEvent): void
  appendInput(input: JournalInput): void
  read(afterN: number, maxBytes: number): JournalEvent[]
  entries(): Iterable<JournalEntry>
  runState(runId: string): RunState
  renew(reason: string): void
  close(): void
}

interface FileOptions {
  directory: string
  newHeader: () => { journalId: string; createdAt: string }
  logger: Logger
}

/** What is known of the open file. */
interface Open {
  fd: number
  journalId: string
  /** Bytes of whole lines. */
  size: number
  lineCount: number
  hasBeginning: boolean
  /** Where event n begins, at index n - 1. */
  offsets: number[]
  runs: Map<string, 'open' | 'ended'>
}

export function openJournalFile(options: FileOptions): JournalFile {
  const { directory, logger } = options
  fs.mkdirSync(directory, { recursive: true })
  let open = openExisting(options) ?? createFile(options)
  keepReserve(directory)

  const write = (line: string, mayUseReserve: boolean) => {
    const bytes = Buffer.from(`${line}\n`)
    try {
      writeWhole(open, bytes)
    } catch (error) {
      if (!isDiskFull(error) || !mayUseReserve || !releaseReserve(directory)) throw describe(error)
      try {
        writeWhole(open, bytes)
      } catch (again) {
        throw describe(again)
      }
    }
    open.size += bytes.length
    open.lineCount += 1
  }

  return {
    get journalId() {
      return open.journalId
    },
    get lastN() {
      return open.offsets.length
    },
    get lineCount() {
      return open.lineCount
    },
    get hasBeginning() {
      return open.hasBeginning
    },
    appendEvent(event) {
      const offset = open.size
      write(serializeEvent(event), event.type === 'done' || event.type === 'error')
      open.offsets.push(offset)
      noteRun(open.runs, event)
    },
    appendInput(input) {
      const first = open.lineCount === 0
      write(JSON.stringify({ input }), false)
      if (first || input.kind === 'history') open.hasBeginning = true
    },
    read: (afterN, maxBytes) => readEvents(open, afterN, maxBytes),
    entries: () => readEntries(open),
    runState: (runId) => open.runs.get(runId) ?? 'unknown',
    renew(reason) {
      logger.warn('The journal is put aside and an empty one begun.', {
        journalId: open.journalId,
        lastN: open.offsets.length,
        reason,
      })
      fs.closeSync(open.fd)
      putAside(directory)
      open = createFile(options)
    },
    close: () => fs.closeSync(open.fd),
  }
}

function openExisting(options: FileOptions): Open | null {
  const file = path.join(options.directory, FILE_NAME)
  if (!fs.existsSync(file)) return null
  const fd = fs.openSync(file, 'a+')
  try {
    return scan(fd)
  } catch (error) {
    fs.closeSync(fd)
    if (!(error instanceof Damage)) throw error
    options.logger.warn('The journal is damaged: it is put aside and an empty one begun.', { reason: error.message })
    putAside(options.directory)
    return null
  }
}

function createFile({ directory, newHeader }: FileOptions): Open {
  const { journalId, createdAt } = newHeader()
  const fd = fs.openSync(path.join(directory, FILE_NAME), 'ax+', 0o600)
  const open: Open = { fd, journalId, size: 0, lineCount: 0, hasBeginning: false, offsets: [], runs: new Map() }
  const bytes = Buffer.from(`${JSON.stringify({ journalId, format: FORMAT, createdAt })}\n`)
  try {
    writeWhole(open, bytes)
  } catch (error) {
    throw describe(error)
  }
  open.size = bytes.length
  return open
}

function putAside(directory: string): void {
  fs.renameSync(path.join(directory, FILE_NAME), path.join(directory, PREVIOUS_FILE_NAME))
}

/** The file is not what was written to it: a torn tail, a hole, another format. */
class Damage extends Error {}

/** Reads every line once: a line that does not parse, or an event out of order, makes the whole journal untrustworthy. */
function scan(fd: number): Open {
  const open: Open = { fd, journalId: '', size: 0, lineCount: 0, hasBeginning: false, offsets: [], runs: new Map() }
  const end = fs.fstatSync(fd).size
  for (const { offset, text, next } of readLines(fd, 0, end)) {
    if (next === null) throw new Damage(`the last line, at byte ${offset}, has no end`)
    open.size = next
    if (offset === 0) {
      open.journalId = parseHeader(text).journalId
      continue
    }
    const entry = parseLine(text, offset)
    open.lineCount += 1
    if (entry.kind === 'input') {
      if (open.lineCount === 1 || entry.input.kind === 'history') open.hasBeginning = true
      continue
    }
    if (entry.event.n !== open.offsets.length + 1) {
      throw new Damage(`event ${entry.event.n} at byte ${offset} follows event ${open.offsets.length}`)
    }
    open.offsets.push(offset)
    noteRun(open.runs, entry.event)
  }
  if (open.journalId === '') throw new Damage('the file is empty')
  return open
}

function parseHeader(text: string) {
  const parsed = header.safeParse(parseJson(text, 0))
  if (!parsed.success) throw new Damage(`the first line is not a header of format ${FORMAT}`)
  return parsed.data
}

function parseLine(text: string, offset: number): JournalEntry {
  const value = parseJson(text, offset)
  const event = journalEvent.safeParse(value)
  if (event.success) return { kind: 'event', event: event.data }
  const input = inputLine.safeParse(value)
  if (input.success) return { kind: 'input', input: input.data.input }
  throw new Damage(`the line at byte ${offset} is neither an event nor an input`)
}

function parseJson(text: string, offset: number): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Damage(`the line at byte ${offset} is not JSON`)
  }
}

function serializeEvent({ n, type, runId, at, data, ...rest }: JournalEvent): string {
  return JSON.stringify({ n, type, runId, at, data, ...rest })
}

function noteRun(runs: Map<string, 'open' | 'ended'>, { type, runId }: JournalEvent): void {
  if (runId === null) return
  if (type === 'run_started' && !runs.has(runId)) runs.set(runId, 'open')
  if (type === 'done') runs.set(runId, 'ended')
}

function readEvents(open: Open, afterN: number, maxBytes: number): JournalEvent[] {
  const from = open.offsets[Math.max(0, afterN)]
  if (from === undefined) return []
  const events: JournalEvent[] = []
  for (const { offset, text } of readLines(open.fd, from, open.size)) {
    const entry = parseLine(text, offset)
    if (entry.kind === 'event') events.push(entry.event)
    if (events.length > 0 && offset + text.length - from >= maxBytes) break
  }
  return events
}

function* readEntries(open: Open): Iterable<JournalEntry> {
  for (const { offset, text } of readLines(open.fd, 0, open.size)) {
    if (offset > 0) yield parseLine(text, offset)
  }
}

/** The whole line or nothing of it: what a full disk took of it is cut off again. */
function writeWhole(open: Open, bytes: Buffer): void {
  let written = 0
  try {
    while (written < bytes.length) written += fs.writeSync(open.fd, bytes, written)
  } catch (error) {
    if (written > 0) fs.ftruncateSync(open.fd, open.size)
    throw error
  }
}

function describe(error: unknown): JournalError {
  const words = error instanceof Error ? error.message : String(error)
  return isDiskFull(error)
    ? new JournalError('disk_full', `The disk of the agent's state is full (${words}).`, error)
    : new JournalError('failed', `The journal could not be written: ${words}`, error)
}
