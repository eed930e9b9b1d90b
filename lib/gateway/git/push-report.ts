/**
 * What a push came to, as git's client reads it: report-status (and v2), plain or in the sideband. Owns: writing such a report
 * and reading the forge's. Must not know: connections.
 */
import { encodePktLine, FLUSH_PKT, MAX_PKT_LINE_BYTES, PktLineBuffer, PktLineError } from './pkt-line.ts'

const BAND_DATA = 1
const BAND_PROGRESS = 2
const MAX_BAND_BYTES = MAX_PKT_LINE_BYTES - 5
/** A report of one ref is some hundred bytes. */
const MAX_REPORT_BYTES = 1024 * 1024

/** In which form a client reads its report, as it asked in the capabilities of its push. */
export interface ReportForm {
  /** It reads a report at all. */
  asked: boolean
  sideband: boolean
}

export function readReportForm(capabilities: readonly string[]): ReportForm {
  return {
    asked: capabilities.includes('report-status') || capabilities.includes('report-status-v2'),
    sideband: capabilities.includes('side-band-64k'),
  }
}

/** Berth's own report on some refs. `refusal`: why nothing was updated, one line, ASCII; null when all of it was. */
export function writePushReport(refs: readonly string[], refusal: string | null): Buffer {
  const lines = refs.map((ref) => encodePktLine(refusal === null ? `ok ${ref}\n` : `ng ${ref} ${refusal}\n`))
  return Buffer.concat([encodePktLine('unpack ok\n'), ...lines, FLUSH_PKT])
}

/** A report as the client reads it; empty when it asked for none. `words` are shown as `remote: berth: ...` where they can be. */
export function wrapPushReport(report: Buffer, form: ReportForm, words: string | null = null): Buffer {
  if (!form.sideband) return form.asked ? report : Buffer.alloc(0)
  return Buffer.concat([
    ...(words === null ? [] : toBand(BAND_PROGRESS, Buffer.from(`berth: ${words}\n`))),
    ...(form.asked ? toBand(BAND_DATA, report) : []),
    FLUSH_PKT,
  ])
}

/** `refused`: somebody said no. `unknown`: nobody said anything. */
export type PushOutcome = { outcome: 'ok' } | { outcome: 'refused' | 'unknown'; reason: string }

export interface PushReportReader {
  /** Takes a piece of the forge's answer, and gives back what git may be shown at once: lines of progress. */
  feed(chunk: Buffer): Buffer
  /** What the forge's report says of one ref; null when there was no whole report of it. */
  read(ref: string): PushOutcome | null
  /** The report itself, without its sideband. */
  report(): Buffer
}

export function createPushReportReader({ sideband }: Pick<ReportForm, 'sideband'>): PushReportReader {
  const outer = new PktLineBuffer()
  const inner = new PktLineBuffer()
  const pieces: Buffer[] = []
  const lines: string[] = []
  let size = 0
  let state: 'open' | 'whole' | 'broken' = 'open'
  const take = (bytes: Buffer) => {
    size += bytes.length
    if (size > MAX_REPORT_BYTES) throw new PktLineError('the report is too long')
    pieces.push(bytes)
    inner.push(bytes)
    for (let line = inner.read(); line !== null; line = inner.read()) {
      if (line.kind === 'data') lines.push(line.payload.toString('utf8').replace(/\n$/, ''))
      else state = 'whole'
    }
  }
  const unwrap = (chunk: Buffer): Buffer => {
    const shown: Buffer[] = []
    outer.push(chunk)
    for (let line = outer.read(); line !== null; line = outer.read()) {
      if (line.kind !== 'data' || line.payload.length === 0) continue
      if (line.payload[0] === BAND_DATA) take(line.payload.subarray(1))
      else shown.push(...toBand(BAND_PROGRESS, line.payload.subarray(1)))
    }
    return Buffer.concat(shown)
  }
  return {
    feed: (chunk) => {
      const nothing = Buffer.alloc(0)
      if (state === 'broken') return nothing
      try {
        if (sideband) return unwrap(chunk)
        take(chunk)
      } catch (error) {
        // Not pkt-lines: then it is no report, and the branch itself has to be asked.
        if (!(error instanceof PktLineError)) throw error
        state = 'broken'
      }
      return nothing
    },
    read: (ref) => (state === 'whole' ? findOutcome(lines, ref) : null),
    report: () => Buffer.concat(pieces),
  }
}

function findOutcome(lines: readonly string[], ref: string): PushOutcome | null {
  const unpack = lines.find((line) => line.startsWith('unpack '))
  if (unpack !== undefined && unpack !== 'unpack ok') return { outcome: 'refused', reason: unpack }
  if (lines.includes(`ok ${ref}`)) return { outcome: 'ok' }
  const refusal = lines.find((line) => line.startsWith(`ng ${ref} `))
  return refusal === undefined ? null : { outcome: 'refused', reason: refusal.slice(`ng ${ref} `.length) }
}

function toBand(band: number, bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length; start += MAX_BAND_BYTES) {
    lines.push(encodePktLine(Buffer.concat([Buffer.from([band]), bytes.subarray(start, start + MAX_BAND_BYTES)])))
  }
  return lines
}
