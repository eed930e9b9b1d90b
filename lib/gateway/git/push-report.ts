/**
 * What a push came to, as git's client reads it: report-status (and v2), plain or in the sideband. Owns: writing such a report
 * and reading one in passing. Must not know: connections.
 */
import { encodePktLine, FLUSH_PKT, MAX_PKT_LINE_BYTES, PktLineBuffer, PktLineError } from './pkt-line.ts'

const BAND_DATA = 1
const BAND_PROGRESS = 2
const MAX_BAND_BYTES = MAX_PKT_LINE_BYTES - 5

export interface PushReport {
  refs: readonly string[]
  /** Why nothing was updated, one line, ASCII; null when all of it was. */
  refusal: string | null
  /** As the client asked for them; they decide the form. */
  capabilities: readonly string[]
}

/**
 * Berth's own report of a push: git prints a refusal as `remote: ...` and behind each ref. Null when the client asked for no
 * form of report.
 */
export function writePushReport({ refs, refusal, capabilities }: PushReport): Buffer | null {
  const asked = capabilities.includes('report-status') || capabilities.includes('report-status-v2')
  const sideband = capabilities.includes('side-band-64k')
  if (!asked && !sideband) return null
  const report = Buffer.concat([
    encodePktLine('unpack ok\n'),
    ...refs.map((ref) => encodePktLine(refusal === null ? `ok ${ref}\n` : `ng ${ref} ${refusal}\n`)),
    FLUSH_PKT,
  ])
  if (!sideband) return report
  return Buffer.concat([
    ...(refusal === null ? [] : toBand(BAND_PROGRESS, Buffer.from(`berth: ${refusal}\n`))),
    ...(asked ? toBand(BAND_DATA, report) : []),
    FLUSH_PKT,
  ])
}

export type PushOutcome = { outcome: 'ok' } | { outcome: 'refused'; reason: string }

export interface PushReportReader {
  feed(chunk: Buffer): void
  /** What the report says of one ref; null when there was no (whole) report of it. */
  read(ref: string): PushOutcome | null
}

export function createPushReportReader({ sideband }: { sideband: boolean }): PushReportReader {
  const outer = new PktLineBuffer()
  const inner = sideband ? new PktLineBuffer() : outer
  const lines: string[] = []
  let broken = false
  const collect = () => {
    for (let line = inner.read(); line !== null; line = inner.read()) {
      if (line.kind === 'data') lines.push(line.payload.toString('utf8').replace(/\n$/, ''))
    }
  }
  return {
    feed: (chunk) => {
      if (broken) return
      try {
        outer.push(chunk)
        if (sideband) unwrapBand(outer, inner)
        collect()
      } catch (error) {
        // Not pkt-lines: then it is no report, and the branch itself has to be asked.
        if (!(error instanceof PktLineError)) throw error
        broken = true
      }
    },
    read: (ref) => {
      const unpack = lines.find((line) => line.startsWith('unpack '))
      if (unpack !== undefined && unpack !== 'unpack ok') return { outcome: 'refused', reason: unpack }
      if (lines.includes(`ok ${ref}`)) return { outcome: 'ok' }
      const refusal = lines.find((line) => line.startsWith(`ng ${ref} `))
      return refusal === undefined ? null : { outcome: 'refused', reason: refusal.slice(`ng ${ref} `.length) }
    },
  }
}

function unwrapBand(outer: PktLineBuffer, inner: PktLineBuffer): void {
  for (let line = outer.read(); line !== null; line = outer.read()) {
    if (line.kind === 'data' && line.payload[0] === BAND_DATA) inner.push(line.payload.subarray(1))
  }
}

function toBand(band: number, bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  for (let start = 0; start < bytes.length; start += MAX_BAND_BYTES) {
    lines.push(encodePktLine(Buffer.concat([Buffer.from([band]), bytes.subarray(start, start + MAX_BAND_BYTES)])))
  }
  return lines
}
