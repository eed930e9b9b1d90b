/**
 * One push on its way to the forge, and what came of it. Owns: the pack as a stream, the forge's progress as it comes, its
 * report only when it is whole; and, where none came, the question to the branch itself.
 */
import type { RefUpdate } from '../../domain/ref-policy.ts'
import type { Exchange } from '../exchange.ts'
import type { GitGrant } from '../ports.ts'
import { Refusal } from '../refusal.ts'
import { describeFailure } from '../upstream.ts'
import type { ByteSource } from './byte-source.ts'
import type { ForgeConnection } from './forge-connection.ts'
import type { PushOutcome } from './push-report.ts'
import { createPushReportReader, type ReportForm } from './push-report.ts'
import type { PushHead } from './push-request.ts'
import { writePushHead } from './push-request.ts'
import { readRemoteTip } from './remote-tip.ts'

export interface ForwardedPush {
  exchange: Exchange
  forge: ForgeConnection
  grant: GitGrant
  repository: string
  head: PushHead
  form: ReportForm
  update: RefUpdate
  /** The beginning of the pack. */
  pack: Buffer
  /** The rest of it. */
  source: ByteSource
  /** Shows git a line of the forge's progress. */
  showProgress(lines: Buffer): void
}

/** `report`: the forge's own, null when there is no whole one. Never rejects for what a forge or a sandbox does. */
export async function forwardPush(push: ForwardedPush): Promise<{ outcome: PushOutcome; report: Buffer | null }> {
  const { exchange, forge, grant, repository, head, update } = push
  const reader = createPushReportReader(push.form)
  const body = watchBody(push.source.remaining(Buffer.concat([writePushHead(head), push.pack])))
  const giveUp = bindUntil(exchange.signal, body.isWhole)
  let failure: Refusal | null = null
  try {
    const response = await forge.call({
      grant,
      repository,
      service: 'git-receive-pack',
      headers: { 'content-type': 'application/x-git-receive-pack-request' },
      body: body.pieces,
      signal: giveUp.signal,
    })
    for await (const chunk of response) push.showProgress(reader.feed(chunk))
    // A forge that has answered before it read everything is sent no more.
    response.destroy()
  } catch (error) {
    failure = exchange.signal.aborted ? BROKEN_OFF : toRefusal(body.failure() ?? error)
  } finally {
    giveUp.unbind()
  }
  const told = reader.read(update.ref)
  if (told !== null) return { outcome: told, report: reader.report() }
  return { outcome: await askBranch(push, failure), report: null }
}

const BROKEN_OFF = new Refusal(499, 'aborted', 'the push was broken off in the sandbox')

/** Aborts with `signal`, but no more when `isOver`: once the forge has all of it, what came of it has to be known. */
function bindUntil(signal: AbortSignal, isOver: () => boolean): { signal: AbortSignal; unbind(): void } {
  const bound = new AbortController()
  const onAbort = () => {
    if (!isOver()) bound.abort(BROKEN_OFF)
  }
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  return { signal: bound.signal, unbind: () => signal.removeEventListener('abort', onAbort) }
}

interface WatchedBody {
  pieces: AsyncIterable<Buffer>
  /** All of them were taken. */
  isWhole(): boolean
  failure(): Refusal | null
}

/** The same pieces; remembers why they broke off, which whoever reads them tells in words of its own. */
function watchBody(pieces: AsyncIterable<Buffer>): WatchedBody {
  let failure: Refusal | null = null
  let whole = false
  const watch = async function* () {
    try {
      yield* pieces
      whole = true
    } catch (error) {
      failure = error instanceof Refusal ? error : BROKEN_OFF
      throw error
    }
  }
  return { pieces: watch(), isWhole: () => whole, failure: () => failure }
}

function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error
  return new Refusal(502, 'upstream_failed', `the connection to the git host was cut: ${describeFailure(error)}`)
}

/**
 * No report came: the branch itself says whether the push arrived, since it was at the old id when the push began. That it did
 * not move says little, for the forge may still be at work; only an answer that nobody makes in passing is a refusal.
 */
async function askBranch(push: ForwardedPush, failure: Refusal | null): Promise<PushOutcome> {
  const { exchange, update } = push
  const why = failure?.message ?? 'the git host gave no report'
  if (failure !== null && [403, 404, 413].includes(failure.status)) return { outcome: 'refused', reason: why }
  try {
    const tip = await readRemoteTip({ ...push, ref: update.ref })
    if (tip === update.newId) return { outcome: 'ok' }
    return { outcome: 'unknown', reason: `${why} (the branch has not moved so far)` }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    exchange.logger.warn('the outcome of a push is not known', { error, ref: update.ref })
    return { outcome: 'unknown', reason: `${why} (and the branch could not be asked: fetch it and look)` }
  }
}
