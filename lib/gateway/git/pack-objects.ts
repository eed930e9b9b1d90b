/**
 * The objects at the front of a pack (gitformat-pack(5)), as far as they are whole, can be rebuilt from what came before them,
 * and keep within bounds. Owns: the format. Must not know: what the objects are read for.
 */
import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { ByteCursor } from './byte-cursor.ts'
import { applyDelta } from './pack-delta.ts'

export interface PackedObject {
  kind: 'commit' | 'tree' | 'blob' | 'tag'
  content: Buffer
  /** The hash of kind and content, in hexadecimal: whatever the pack says, an object has no other name. */
  id: string
}

export interface PackBounds {
  maxObjects: number
  /** Of all objects together, unpacked. */
  maxBytes: number
}

/** How objects are named, as of the repository's object format. */
export type ObjectFormat = 'sha1' | 'sha256'

const HEADER_BYTES = 12
const NAME_BYTES: Record<ObjectFormat, number> = { sha1: 20, sha256: 32 }
const KINDS = { 1: 'commit', 2: 'tree', 3: 'blob', 4: 'tag' } as const
const OFFSET_DELTA = 6
const NAMED_DELTA = 7

interface Entry {
  type: number
  /** Bytes of the unpacked object, or of the delta. */
  size: number
  /** Of a delta: its base, when that came before. */
  base: PackedObject | undefined
  /** Where the compressed part begins. */
  start: number
}

/**
 * In the order of the pack; ends without a word at the first object that is cut off, broken, a delta on something that did not
 * come before, or beyond the bounds.
 */
export function* readPackObjects(pack: Buffer, format: ObjectFormat, bounds: PackBounds): Generator<PackedObject> {
  if (pack.length < HEADER_BYTES || pack.toString('latin1', 0, 4) !== 'PACK') return
  const count = Math.min(pack.readUInt32BE(8), bounds.maxObjects)
  const seen: Seen = { byOffset: new Map(), byId: new Map() }
  let bytesLeft = bounds.maxBytes
  let offset = HEADER_BYTES
  for (let read = 0; read < count; read += 1) {
    const entry = readEntry({ pack, offset, format, seen })
    const inflated = entry.size > bytesLeft ? null : inflateEntry(pack, entry)
    const object = inflated && rebuild({ entry, bytes: inflated.bytes, format, maxBytes: bytesLeft - entry.size })
    if (!object) return
    bytesLeft -= entry.size + object.content.length
    seen.byOffset.set(offset, object)
    seen.byId.set(object.id, object)
    yield object
    offset = entry.start + inflated.consumed
  }
}

interface Seen {
  byOffset: Map<number, PackedObject>
  byId: Map<string, PackedObject>
}

function readEntry(input: { pack: Buffer; offset: number; format: ObjectFormat; seen: Seen }): Entry {
  const { pack, offset, format, seen } = input
  const cursor = new ByteCursor(pack, offset)
  const first = cursor.byte()
  const type = (first >> 4) & 7
  const size = cursor.size(first, 4)
  let base: PackedObject | undefined
  if (type === OFFSET_DELTA) base = seen.byOffset.get(offset - cursor.distance())
  if (type === NAMED_DELTA) base = seen.byId.get(cursor.hex(NAME_BYTES[format]))
  return { type, size, base, start: cursor.at }
}

/** Null when what is there is not the whole of it, or more than it says. */
function inflateEntry(pack: Buffer, { start, size }: Entry): { bytes: Buffer; consumed: number } | null {
  try {
    const options = { info: true, maxOutputLength: Math.max(size, 1) }
    // With `info` it answers with the engine too, which the types do not know.
    const answer: unknown = inflateSync(pack.subarray(start), options)
    const { buffer, engine } = answer as { buffer: Buffer; engine: { bytesWritten: number } }
    return buffer.length === size ? { bytes: buffer, consumed: engine.bytesWritten } : null
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') return null
    throw error
  }
}

function rebuild(input: { entry: Entry; bytes: Buffer; format: ObjectFormat; maxBytes: number }): PackedObject | null {
  const { entry, bytes, format, maxBytes } = input
  const { base, type } = entry
  const kind = base === undefined ? KINDS[type as keyof typeof KINDS] : base.kind
  const content = base === undefined ? bytes : applyDelta(base.content, bytes, maxBytes)
  if (kind === undefined || content === null) return null
  const id = createHash(format).update(`${kind} ${content.length}\0`).update(content).digest('hex')
  return { kind, content, id }
}
