/** As much of a Docker engine as a check of the set-up asks of one: HTTP on a Unix socket. For tests that need no container. */
import { createServer } from 'node:http'
import path from 'node:path'
import { LABEL } from '../../lib/drivers/sandbox/docker/labels.ts'

export interface EngineStandIn {
  /** As in DOCKER_HOST. */
  address: string
  /** Methods and paths, without the version of the API. */
  requests: string[]
  close(): Promise<void>
}

export interface EngineStandInOptions {
  /** For the socket. */
  folder: string
  info?: Record<string, unknown>
  version?: Record<string, unknown>
  /** Names of agent images that it has. */
  images?: string[]
  /** Names of images that it has and that are none of Berth's. */
  foreignImages?: string[]
  /** Names of images that their registry has. */
  inRegistry?: string[]
}

export async function startEngineStandIn(options: EngineStandInOptions): Promise<EngineStandIn> {
  const { folder, images = [], foreignImages = [], inRegistry = [] } = options
  const requests: string[] = []
  const answers: [RegExp, (name: string) => { status: number; body: unknown }][] = [
    [/^GET \/version$/, () => ({ status: 200, body: { ...VERSION, ...options.version } })],
    [/^GET \/info$/, () => ({ status: 200, body: { ...INFO, ...options.info } })],
    [
      /^GET \/images\/(.+)\/json$/,
      (name) => {
        const Labels = images.includes(name) ? { [LABEL.tools]: 'tools-of-the-rig:1' } : {}
        return found([...images, ...foreignImages].includes(name), 404, { Id: `id of ${name}`, Config: { Labels } })
      },
    ],
    [/^GET \/distribution\/(.+)\/json$/, (name) => found(inRegistry.includes(name), 500, { Descriptor: {} })],
  ]
  const server = createServer((request, response) => {
    const line = `${request.method} ${decodeURIComponent(request.url ?? '').replace(/^\/v[\d.]+/, '')}`
    requests.push(line)
    for (const [pattern, answer] of answers) {
      const match = pattern.exec(line)
      if (match === null) continue
      const { status, body } = answer(match[1] ?? '')
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      return
    }
    response.writeHead(501, { 'content-type': 'application/json' }).end(`{"message":"no ${line} here"}`)
  })
  const socket = path.join(folder, 'engine.sock')
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  return {
    address: `unix://${socket}`,
    requests,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const found = (isThere: boolean, otherwise: number, body: unknown) =>
  isThere ? { status: 200, body } : { status: otherwise, body: { message: 'no such image here' } }

const VERSION = {
  Version: '28.2.2',
  ApiVersion: '1.50',
  Arch: process.arch === 'arm64' ? 'arm64' : 'amd64',
  Components: [{ Name: 'Engine' }],
}

const INFO = {
  Name: 'another-machine',
  OperatingSystem: 'Debian GNU/Linux 13 (trixie)',
  Driver: 'overlay2',
  SecurityOptions: ['name=seccomp,profile=builtin'],
  CgroupVersion: '2',
  DockerRootDir: '/var/lib/docker',
  MemTotal: 16 * 2 ** 30,
  NCPU: 8,
  MemoryLimit: true,
  CpuCfsQuota: true,
  PidsLimit: true,
}
