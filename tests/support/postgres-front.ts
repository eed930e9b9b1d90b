/** A TCP front of a PostgreSQL server that tests take away, silence and bring back, and that can speak TLS in its place. */
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

export interface PostgresFront {
  /** postgres://... through it. */
  url: string
  port: number
  /** Ends every connection and takes no more: the server is down. */
  cut(): Promise<void>
  /** Bytes in either direction are kept back: the network is broken and nobody is told. */
  hold(): void
  /** After `cut` or `hold`: as it was. */
  restore(): Promise<void>
  close(): Promise<void>
}

export interface PostgresFrontOptions {
  /** PEM; clients that ask for TLS get it. */
  tls?: { key: string; cert: string }
  /** Not yet listening: `restore` opens it. */
  isCut?: boolean
}

/** The client's first words when it wants TLS, 8 bytes long. */
const TLS_REQUEST = 80_877_103

export async function startPostgresFront(to: string, options: PostgresFrontOptions = {}): Promise<PostgresFront> {
  const target = new URL(to)
  const open = new Set<Socket>()
  let isHeld = false
  const pass = async (client: Socket) => {
    const inside = options.tls === undefined ? client : await answerTls(client, options.tls)
    const server = dial(Number(target.port), target.hostname)
    for (const [from, into] of [
      [inside, server],
      [server, inside],
    ] as const) {
      open.add(from)
      from.on('data', (chunk: Buffer) => into.write(chunk))
      from.once('close', () => {
        open.delete(from)
        into.destroy()
      })
      from.on('error', () => into.destroy())
      if (isHeld) from.pause()
    }
  }
  const listener = (client: Socket) => {
    pass(client).catch(() => client.destroy())
  }
  let server = await listen(listener, 0)
  const port = portOf(server)
  const url = new URL(to)
  url.port = String(port)
  const cut = async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of open) socket.destroy()
    await closed
  }
  if (options.isCut) await cut()
  return {
    url: url.href,
    port,
    cut,
    hold() {
      isHeld = true
      for (const socket of open) socket.pause()
    },
    async restore() {
      isHeld = false
      for (const socket of open) socket.resume()
      if (!server.listening) server = await listen(listener, port)
    },
    async close() {
      if (server.listening) await cut()
    },
  }
}

function listen(listener: (client: Socket) => void, port: number): Promise<Server> {
  const server = createServer(listener)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => resolve(server))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

/** Takes the request for TLS and shows the certificate. */
async function answerTls(client: Socket, certificate: { key: string; cert: string }): Promise<Socket> {
  const request = await new Promise<Buffer>((resolve) => client.once('data', resolve))
  client.pause()
  if (request.length !== 8 || request.readInt32BE(4) !== TLS_REQUEST) throw new Error('the client asks for no TLS')
  client.write('S')
  return new TLSSocket(client, { isServer: true, ...certificate })
}
