/** Where a branch is on the forge: its refs under protocol version 2, or the whole advertisement where the forge knows no other. */
import type { GitGrant } from '../ports.ts'
import { Refusal } from '../refusal.ts'
import { describeFailure } from '../upstream.ts'
import type { ForgeAnswer, ForgeConnection } from './forge-connection.ts'
import type { PktLine } from './pkt-line.ts'
import { encodePktLine, FLUSH_PKT, PktLineBuffer, PktLineError } from './pkt-line.ts'

/** Of silence: a push waits for this answer. */
const IDLE_TIMEOUT_MS = 30_000
const DELIMITER_PKT = Buffer.from('0001')
const VERSION_2 = { 'git-protocol': 'version=2' }

/** Null when there is no such ref. Throws a Refusal when the forge does not say. */
export async function readRemoteTip(query: {
  forge: ForgeConnection
  grant: GitGrant
  repository: string
  /** e.g. "refs/heads/main" */
  ref: string
}): Promise<string | null> {
  const { forge, grant, repository, ref } = query
  const request = {
    grant,
    repository,
    service: 'git-upload-pack',
    headers: VERSION_2,
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  } as const
  const advertised = await scan(await forge.advertise(request), ref)
  if (!advertised.isVersion2) return advertised.tip
  const question = [
    encodePktLine('command=ls-refs\n'),
    ...(advertised.format === null ? [] : [encodePktLine(advertised.format)]),
    DELIMITER_PKT,
    encodePktLine(`ref-prefix ${ref}\n`),
    FLUSH_PKT,
  ]
  const headers = { ...VERSION_2, 'content-type': 'application/x-git-upload-pack-request' }
  const answer = await forge.call({ ...request, headers, body: Buffer.concat(question) })
  return (await scan(answer, ref)).tip
}

interface Scanned {
  isVersion2: boolean
  /** The line `object-format=...`, which a request has to repeat. */
  format: string | null
  tip: string | null
}

async function scan(answer: ForgeAnswer, ref: string): Promise<Scanned> {
  const lines = new PktLineBuffer()
  const scanned: Scanned = { isVersion2: false, format: null, tip: null }
  let last: PktLine['kind'] | null = null
  try {
    for await (const chunk of answer) {
      lines.push(chunk)
      for (let line = lines.read(); line !== null; line = lines.read()) {
        last = line.kind
        if (line.kind === 'data') scanLine(line.payload.toString('utf8').replace(/\n$/, ''), ref, scanned)
      }
    }
    // Cut off cleanly, it would look as if the branch were not there.
    if (last !== 'flush' || lines.takeRest().length > 0) throw new PktLineError('its answer has no end')
  } catch (error) {
    const words = error instanceof PktLineError ? error.message : describeFailure(error)
    throw new Refusal(502, 'upstream_failed', `The git host did not say where ${ref} is: ${words}. Try again later.`)
  }
  return scanned
}

function scanLine(line: string, ref: string, scanned: Scanned): void {
  if (line === 'version 2') scanned.isVersion2 = true
  if (line.startsWith('object-format=')) scanned.format = line
  const [, id, name] = /^([0-9a-f]{40,64}) ([^\0 ]+)/.exec(line) ?? []
  if (id !== undefined && name === ref) scanned.tip ??= id
}
