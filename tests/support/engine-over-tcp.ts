/** The engine as one on another machine looks: behind an address of its own, its socket nowhere to be seen. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { findEngine } from '../../lib/drivers/sandbox/docker/engine/find-engine.ts'

export interface EngineOverTcp {
  /** As DOCKER_HOST names it. */
  dockerHost: string
  close(): Promise<void>
}

/** Passes bytes on both ways, and the end of one side as that. `dockerHost`: where the engine is. */
export async function startEngineOverTcp(dockerHost: string | null): Promise<EngineOverTcp> {
  const engine = findEngine(dockerHost)
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const address = 'socketPath' in engine ? { path: engine.socketPath } : { host: engine.host, port: engine.port }
    const far = connect({ ...address, allowHalfOpen: true })
    keep(near).pipe(keep(far)).pipe(near)
    near.once('close', () => far.destroy())
    far.once('close', () => near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    dockerHost: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
