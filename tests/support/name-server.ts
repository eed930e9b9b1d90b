/** A name server on this machine: answers the names it was given, says of names that begin with `silent` nothing at all. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv4 } from 'node:net'

export interface NameServer {
  /** "127.0.0.1:5353" */
  address: string
  /** Every question: "A quick.test". */
  asked: string[]
  close(): Promise<void>
}

export type Zone = Record<string, { A: string[]; AAAA: string[] }>

const TYPES: Record<number, 'A' | 'AAAA'> = { 1: 'A', 28: 'AAAA' }
const HEADER_BYTES = 12
const NAME_NOT_THERE = 3

export async function startNameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (question, { address, port }) => {
    const { name, type, end } = readQuestion(question)
    asked.push(`${type} ${name}`)
    if (name.startsWith('silent')) return
    socket.send(writeAnswer(question.subarray(0, end), zone[name]?.[type] ?? null), port, address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

/** The one question of a query (RFC 1035, 4.1), and where it ends. */
function readQuestion(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels: string[] = []
  let offset = HEADER_BYTES
  for (let length = query.readUInt8(offset); length > 0; length = query.readUInt8(offset)) {
    labels.push(query.toString('latin1', offset + 1, offset + 1 + length))
    offset += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[query.readUInt16BE(offset + 1)] ?? 'A', end: offset + 5 }
}

/** `addresses` null: there is no such name. */
function writeAnswer(question: Buffer, addresses: string[] | null): Buffer {
  const head = Buffer.from(question)
  head.writeUInt16BE(0x8180 | (addresses === null ? NAME_NOT_THERE : 0), 2)
  head.writeUInt16BE(addresses?.length ?? 0, 6)
  head.fill(0, 8, HEADER_BYTES)
  return Buffer.concat([head, ...(addresses ?? []).map(writeRecord)])
}

function writeRecord(address: string): Buffer {
  const data = isIPv4(address) ? Buffer.from(address.split('.').map(Number)) : writeIpv6(address)
  const record = Buffer.alloc(HEADER_BYTES)
  // The name: where the question has it.
  record.writeUInt16BE(0xc0_00 | HEADER_BYTES, 0)
  record.writeUInt16BE(data.length === 4 ? 1 : 28, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([record, data])
}

function writeIpv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const groups = (part: string) => part.split(':').filter((group) => group !== '')
  const missing = 8 - groups(head).length - groups(tail).length
  const all = [...groups(head), ...Array<string>(missing).fill('0'), ...groups(tail)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
