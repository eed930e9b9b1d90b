/**
 * One push: judged before anything is forwarded, then streamed, then recorded as what the forge made of it. Owns: that order,
 * and what git is told. Whatever the answer, the pack is read to its end first: answered earlier, git shows a broken pipe
 * instead of the reason.
 */
import type { Exchange } from '../exchange.ts'
import type { GitGrant } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import type { ByteSource } from './byte-source.ts'
import type { ForgeConnection } from './forge-connection.ts'
import { forwardPush } from './forward-push.ts'
import { judgePush } from './judge-push.ts'
import { PktLineError } from './pkt-line.ts'
import { openPushBody } from './push-body.ts'
import type { PushLog } from './push-log.ts'
import type { PushOutcome } from './push-report.ts'
import { readReportForm, wrapPushReport, writePushReport } from './push-report.ts'
import type { PushHead } from './push-request.ts'
import { readPushHead } from './push-request.ts'

export interface Push {
  exchange: Exchange
  log: PushLog
  forge: ForgeConnection
  grant: GitGrant
  repository: string
}

interface ReadPush extends Push {
  head: PushHead
  source: ByteSource
}

const MAX_REASON_CHARACTERS = 500
const RESULT_TYPE = 'application/x-git-receive-pack-result'
/** Progress that the sandbox does not read, before its stream is given up. */
const MAX_UNREAD_BYTES = 1024 * 1024

export async function receivePush(push: Push): Promise<void> {
  const source = openPushBody(push.exchange)
  const head = await readHead(source)
  if (head.kind === 'probe') {
    respond(push.exchange)
    push.exchange.stream.end()
    return
  }
  const read: ReadPush = { ...push, head, source }
  const judgement = await judgePush(read)
  if (judgement.refusal !== null) {
    await conclude(read, { outcome: 'refused', reason: judgement.refusal }, null)
    return
  }
  const { outcome, report } = await forwardPush({
    ...read,
    ...judgement,
    form: readReportForm(head.capabilities),
    showProgress: (lines) => showProgress(push.exchange, lines),
  })
  await conclude(read, outcome, report)
}

/** Recorded, and then told: who is told that it went through can rely on the record. */
async function conclude(push: ReadPush, outcome: PushOutcome, report: Buffer | null): Promise<void> {
  const { exchange, log, head, source } = push
  const bounded = boundReason(outcome)
  const [update] = head.updates
  if (update !== undefined) {
    const shown = { ref: toAsciiLine(update.ref).slice(0, 300), oldSha: update.oldId, newSha: update.newId }
    await log.record(exchange.owner.agentId, { ...shown, ...bounded })
  }
  if (exchange.signal.aborted) return
  await source.discard()
  const refusal = bounded.outcome === 'ok' ? null : bounded.reason
  const form = readReportForm(head.capabilities)
  if (!form.asked && !form.sideband && refusal !== null) throw new Refusal(403, 'push_refused', refusal)
  const refs = head.updates.map(({ ref }) => ref)
  // The forge's own report has its own words for git.
  const answer = report ?? writePushReport(refs, refusal)
  respond(exchange)
  exchange.stream.end(wrapPushReport(answer, form, report === null ? refusal : null))
}

function respond({ stream }: Exchange): void {
  if (stream.headersSent) return
  stream.respond({ ':status': 200, 'content-type': RESULT_TYPE, 'cache-control': 'no-cache' })
}

function showProgress(exchange: Exchange, lines: Buffer): void {
  const { stream, signal } = exchange
  if (lines.length === 0 || signal.aborted) return
  respond(exchange)
  stream.write(lines)
  // Not waited for: what became of the push has to be known whether or not the sandbox listens.
  if (stream.writableLength > MAX_UNREAD_BYTES) stream.destroy(new Error('the sandbox does not read'))
}

async function readHead(source: ByteSource) {
  try {
    return await readPushHead(source)
  } catch (error) {
    const isBroken =
      error instanceof PktLineError || (error instanceof Error && 'code' in error && isZlibCode(error.code))
    if (!isBroken) throw error
    throw new Refusal(400, 'validation_failed', `This is not a push as git sends it: ${error.message}.`)
  }
}

function isZlibCode(code: unknown): boolean {
  return typeof code === 'string' && code.startsWith('Z_')
}

function boundReason(outcome: PushOutcome): PushOutcome {
  if (outcome.outcome === 'ok') return outcome
  return { ...outcome, reason: toAsciiLine(outcome.reason).slice(0, MAX_REASON_CHARACTERS) }
}
