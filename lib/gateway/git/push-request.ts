/**
 * The head of a `git-receive-pack` request (gitprotocol-pack, "Reference Update Request"): shallow lines, commands, a flush,
 * and then the pack, which is not read here. Owns: reading it strictly, and writing it anew, so that what the forge parses is
 * what was judged. Must not know: which push is allowed.
 */
import type { RefUpdate } from '../../domain/ref-policy.ts'
import type { ByteSource } from './byte-source.ts'
import { encodePktLine, FLUSH_PKT, PktLineBuffer, PktLineError } from './pkt-line.ts'

export interface PushHead {
  shallow: string[]
  updates: RefUpdate[]
  capabilities: string[]
  /** A push certificate came instead of plain commands; `updates` are those it names. */
  signed: boolean
  options: boolean
  /** Bytes of the pack that came with the head. */
  rest: Buffer
}

/** `probe`: git asks with a lone flush whether it may push before it sends a large body. */
export type PushRequestHead = { kind: 'probe' } | ({ kind: 'push' } & PushHead)

const MAX_HEAD_BYTES = 4 * 1024 * 1024
const MAX_UPDATES = 1_000
const OBJECT_ID = '[0-9a-f]{40}(?:[0-9a-f]{24})?'
const SHALLOW_LINE = new RegExp(`^shallow (${OBJECT_ID})$`)
const COMMAND_LINE = new RegExp(`^(${OBJECT_ID}) (${OBJECT_ID}) ([^\\0\\n]{1,1000})$`)

/** Of what a client may ask, what is passed on to the forge. */
const PASSED_CAPABILITIES =
  /^(report-status|report-status-v2|side-band-64k|quiet|atomic|ofs-delta|object-format=[a-z0-9-]+)$/

/** Throws a PktLineError when the bytes are not such a request. */
export async function readPushHead(source: ByteSource): Promise<PushRequestHead> {
  const lines = new PktLineBuffer()
  const head: PushHead = {
    shallow: [],
    updates: [],
    capabilities: [],
    signed: false,
    options: false,
    rest: Buffer.alloc(0),
  }
  let size = 0
  for (;;) {
    const line = lines.read()
    if (line === null) {
      const chunk = await source.next()
      if (chunk === null) throw new PktLineError('the request ends before its commands do')
      size += chunk.length
      if (size > MAX_HEAD_BYTES) throw new PktLineError(`the commands are longer than ${MAX_HEAD_BYTES} bytes`)
      lines.push(chunk)
    } else if (line.kind === 'data') {
      readHeadLine(line.payload, head)
    } else if (line.kind === 'flush') {
      head.rest = lines.takeRest()
      return finishHead(head, source)
    } else {
      throw new PktLineError('a delimiter stands among the commands')
    }
  }
}

/** The head as the forge gets it. Only for a plain push: a certificate is not written anew. */
export function writePushHead(head: PushHead): Buffer {
  const passed = head.capabilities.filter((capability) => PASSED_CAPABILITIES.test(capability))
  const commands = head.updates.map(({ oldId, newId, ref }, index) => {
    const capabilities = index === 0 ? `\0 ${[...passed, 'agent=berth'].join(' ')}` : ''
    return encodePktLine(`${oldId} ${newId} ${ref}${capabilities}`)
  })
  return Buffer.concat([...head.shallow.map((id) => encodePktLine(`shallow ${id}\n`)), ...commands, FLUSH_PKT])
}

async function finishHead(head: PushHead, source: ByteSource): Promise<PushRequestHead> {
  if (head.updates.length > 0 || head.signed) return { kind: 'push', ...head }
  const isEmpty = head.shallow.length === 0 && head.rest.length === 0 && (await source.next()) === null
  if (isEmpty) return { kind: 'probe' }
  throw new PktLineError('the request has no command')
}

function readHeadLine(payload: Buffer, head: PushHead): void {
  const line = payload.toString('utf8').replace(/\n$/, '')
  const nul = line.indexOf('\0')
  const words = nul === -1 ? line : line.slice(0, nul)
  const isFirst = head.updates.length === 0 && !head.signed
  if (nul !== -1 && isFirst) {
    head.capabilities = line
      .slice(nul + 1)
      .split(' ')
      .filter((capability) => capability !== '')
    head.options = head.capabilities.includes('push-options')
  }
  if (isFirst && words === 'push-cert') {
    head.signed = true
    return
  }
  const shallow = nul === -1 && isFirst ? SHALLOW_LINE.exec(words)?.[1] : undefined
  if (shallow !== undefined) {
    head.shallow.push(shallow)
    return
  }
  const [, oldId, newId, ref] = COMMAND_LINE.exec(words) ?? []
  if (oldId !== undefined && newId?.length === oldId.length && ref !== undefined) {
    if (head.updates.length >= MAX_UPDATES) throw new PktLineError(`a push of more than ${MAX_UPDATES} refs`)
    head.updates.push({ oldId, newId, ref })
    return
  }
  // The other lines of a certificate are its own: who signed, for where, and the signature.
  if (!head.signed) throw new PktLineError(`${JSON.stringify(words.slice(0, 200))} is not a command`)
}
