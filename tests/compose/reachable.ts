/** Servers of this machine's loopback, made reachable from containers: the same port on the address that they know as the host. */
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface Relays {
  close(): Promise<void>
}

export async function relayPorts(address: string, ports: number[]): Promise<Relays> {
  const open = new Set<Socket>()
  const servers = await Promise.all(ports.map((port) => relay({ address, port, open })))
  return {
    async close() {
      for (const socket of open) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

function relay({ address, port, open }: { address: string; port: number; open: Set<Socket> }): Promise<Server> {
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1')
    for (const [from, into] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(from)
      from.on('error', () => into.destroy())
      from.once('close', () => {
        open.delete(from)
        into.destroy()
      })
      from.pipe(into)
    }
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, address, () => resolve(server))
  })
}
