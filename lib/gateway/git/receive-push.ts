/**
 * One push: judged by its commands before anything is forwarded, then streamed, then recorded as what the forge made of it.
 * Owns: that order. A refusal reads the pack away first and is git's own report then: answered earlier, git shows a broken
 * pipe instead of the reason.
 */
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { RefUpdate } from '../../domain/ref-policy.ts'
import { refusePush } from '../../domain/ref-policy.ts'
import type { Exchange } from '../exchange.ts'
import { assertWhole, readHeader } from '../exchange.ts'
import type { GitAccess, GitGrant } from '../ports.ts'
import { Refusal, toAsciiLine } from '../refusal.ts'
import type { ByteSource } from './byte-source.ts'
import { createByteSource } from './byte-source.ts'
import type { ForgeConnection } from './forge-connection.ts'
import { PktLineError } from './pkt-line.ts'
import type { PushOutcome } from './push-report.ts'
import { createPushReportReader, writePushReport } from './push-report.ts'
import type { PushHead } from './push-request.ts'
import { readPushHead, writePushHead } from './push-request.ts'
import { readRemoteTip } from './remote-tip.ts'

export interface Push {
  exchange: Exchange
  access: GitAccess
  forge: ForgeConnection
  grant: GitGrant
  repository: string
}

const MAX_DISCARDED_BYTES = 256 * 1024 * 1024
const MAX_REASON_CHARACTERS = 500
const RESULT_TYPE = 'application/x-git-receive-pack-result'

export async function receivePush(push: Push): Promise<void> {
  const source = createByteSource(decodeBody(push.exchange), () => assertWhole(push.exchange.stream))
  const head = await readHead(source)
  if (head.kind === 'probe') {
    respondResult(push.exchange, Buffer.alloc(0))
    return
  }
  const [update] = head.updates
  const reason = refusePush(head, push.grant)
  if (reason !== null || update === undefined) {
    await refuse({ ...push, source, head, reason: reason ?? 'nothing to push' })
    return
  }
  await forward({ ...push, source, head, update })
}

async function refuse({
  exchange,
  access,
  source,
  head,
  reason,
}: Push & { source: ByteSource; head: PushHead; reason: string }) {
  const [update] = head.updates
  if (update !== undefined)
    await access.recordPush(exchange.owner.agentId, { ...showUpdate(update), outcome: 'refused', reason })
  exchange.logger.info('a push was refused', { reason, ref: update?.ref })
  if (!(await source.drain(MAX_DISCARDED_BYTES))) throw new Refusal(413, 'payload_too_large', reason)
  respondReport(exchange, head, reason)
}

async function forward(push: Push & { source: ByteSource; head: PushHead; update: RefUpdate }): Promise<void> {
  const { exchange, access, forge, grant, repository, source, head, update } = push
  const report = createPushReportReader({ sideband: head.capabilities.includes('side-band-64k') })
  let failure: Refusal | null = null
  try {
    // Not bound to the sandbox's stream: once the forge has all of it, what came of it has to be known.
    const response = await forge.call({
      grant,
      repository,
      service: 'git-receive-pack',
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
      body: source.remaining(Buffer.concat([writePushHead(head), head.rest])),
    })
    await passReport(exchange, response, report)
  } catch (error) {
    failure = toPushFailure(error, exchange)
  }
  const outcome = report.read(update.ref) ?? (await askBranch(push, failure))
  await access.recordPush(exchange.owner.agentId, { ...showUpdate(update), ...boundReason(outcome) })
  if (exchange.signal.aborted) return
  if (failure === null) exchange.stream.end()
  else if (exchange.stream.headersSent) throw failure
  // Whether the forge read all of it or not: git sends its pack to the end before it listens.
  await source.drain(MAX_DISCARDED_BYTES)
  if (failure !== null) respondReport(exchange, head, outcome.outcome === 'ok' ? null : failure.message)
}

/** The forge's answer goes to git as it came; its end only after the push is recorded. */
async function passReport(exchange: Exchange, response: AsyncIterable<Buffer>, report: { feed(chunk: Buffer): void }) {
  const { stream } = exchange
  if (!exchange.signal.aborted)
    stream.respond({ ':status': 200, 'content-type': RESULT_TYPE, 'cache-control': 'no-cache' })
  for await (const chunk of response) {
    report.feed(chunk)
    // A report is small, and has to be read whether or not the sandbox still listens.
    if (!exchange.signal.aborted) stream.write(chunk)
  }
}

/** No report came (the connection broke, or git asked for none): the branch itself says whether the push arrived. */
async function askBranch(push: Push & { update: RefUpdate }, failure: Refusal | null): Promise<PushOutcome> {
  const { exchange, update, forge, grant, repository } = push
  const unknown = failure?.message ?? 'the git host gave no report'
  try {
    const tip = await readRemoteTip({ forge, grant, repository, ref: update.ref })
    return tip === update.newId ? { outcome: 'ok' } : { outcome: 'refused', reason: unknown }
  } catch (error) {
    exchange.logger.warn('the outcome of a push is not known', { error, ref: update.ref })
    return { outcome: 'refused', reason: `${unknown} (and the branch could not be asked)` }
  }
}

function toPushFailure(error: unknown, exchange: Exchange): Refusal {
  if (exchange.signal.aborted) return new Refusal(499, 'aborted', 'the push was broken off in the sandbox')
  if (error instanceof Refusal) return error
  const words = error instanceof Error ? error.message : String(error)
  return new Refusal(502, 'upstream_failed', `the push was cut: ${words}`)
}

function respondReport(exchange: Exchange, head: PushHead, words: string | null): void {
  const refusal = words === null ? null : toAsciiLine(words)
  const refs = head.updates.map((update) => update.ref)
  const report = writePushReport({ refs, refusal, capabilities: head.capabilities })
  if (report === null && refusal !== null) throw new Refusal(403, 'push_refused', refusal)
  respondResult(exchange, report ?? Buffer.alloc(0))
}

function respondResult(exchange: Exchange, body: Buffer): void {
  exchange.stream.respond({ ':status': 200, 'content-type': RESULT_TYPE, 'cache-control': 'no-cache' })
  exchange.stream.end(body)
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

/** The body without its content encoding; the forge gets it plain. */
function decodeBody({ stream, headers }: Exchange): Readable {
  const encoding = readHeader(headers, 'content-encoding')
  if (encoding === null || encoding === 'identity') return stream
  if (encoding !== 'gzip' && encoding !== 'x-gzip')
    throw new Refusal(415, 'validation_failed', 'A body may be gzip or plain.')
  const gunzip = createGunzip()
  stream.once('close', () => {
    if (!stream.readableEnded) gunzip.destroy(new Error('the sandbox closed the stream'))
  })
  return stream.pipe(gunzip)
}

function boundReason(outcome: PushOutcome): PushOutcome {
  if (outcome.outcome === 'ok') return outcome
  return { outcome: 'refused', reason: toAsciiLine(outcome.reason).slice(0, MAX_REASON_CHARACTERS) }
}

/** A sandbox chooses the name: what is recorded is bounded and printable. */
function showUpdate({ ref, oldId, newId }: RefUpdate): { ref: string; oldSha: string; newSha: string } {
  return { ref: toAsciiLine(ref).slice(0, 300), oldSha: oldId, newSha: newId }
}
