/**
 * The installed git, speaking to git.berth through a tunnel: a small HTTP server hands its requests to the tunnel's streams, as
 * the proxy inside a sandbox does.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import http from 'node:http'
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { GIT_AUTHORITY } from '../../container/contract/tunnel.ts'
import { gitEnvironment } from '../../scripts/stand-ins/forge/git.ts'

export interface GitFront {
  /** e.g. http://127.0.0.1:41234 */
  url: string
  /** "METHOD path" of every request. */
  requests: string[]
  close(): Promise<void>
}

export async function startGitFront(session: ClientHttp2Session): Promise<GitFront> {
  const requests: string[] = []
  const server = http.createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const { host: _host, connection: _connection, 'transfer-encoding': _encoding, ...headers } = request.headers
    const stream = session.request({
      ':method': request.method,
      ':path': request.url,
      ':scheme': 'http',
      ':authority': GIT_AUTHORITY,
      ...headers,
    })
    stream.on('error', () => response.destroy())
    response.on('close', () => {
      if (!response.writableFinished) stream.close(8)
    })
    stream.on('response', (answer: IncomingHttpHeaders) => {
      const { ':status': status, ...rest } = answer as IncomingHttpHeaders & { ':status'?: number }
      response.writeHead(status ?? 502, rest as http.OutgoingHttpHeaders)
      stream.pipe(response)
    })
    request.pipe(stream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface GitResult {
  code: number
  stdout: string
  stderr: string
}

/** Runs git to its end, with no configuration of this machine, and answers whatever it said. */
export async function git(cwd: string, ...args: string[]): Promise<GitResult> {
  const env = { ...(await gitEnvironment()), GIT_CONFIG_COUNT: '0', GIT_ASKPASS: '/bin/false' }
  const child = spawn('git', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number]
  return { code, stdout: stdout.trim(), stderr }
}
