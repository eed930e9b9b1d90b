/**
 * git over HTTP: hands a request to `git http-backend` (CGI, RFC 3875) and its answer back, both as streams. Knows the three
 * routes of smart HTTP and nothing of who may use them.
 */
import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import path from 'node:path'
import { gitEnvironment, gitExecPath } from './git.ts'

export type GitService = 'git-upload-pack' | 'git-receive-pack'

export interface GitRoute {
  /** "owner/repo" */
  fullName: string
  service: GitService
  /** What follows the repository in the path. */
  rest: string
}

/** The smart-HTTP route of a request, or null. The dumb protocol's files are not routes. */
export function matchGitRoute(method: string, url: URL): GitRoute | null {
  const match = /^\/([^/]+\/[^/]+?)(?:\.git)?\/(info\/refs|git-upload-pack|git-receive-pack)$/.exec(url.pathname)
  if (match === null) return null
  const [, fullName = '', rest = ''] = match
  const service = rest === 'info/refs' ? url.searchParams.get('service') : rest
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') return null
  if (method !== (rest === 'info/refs' ? 'GET' : 'POST')) return null
  return { fullName, service, rest }
}

/** Serves one request from the bare repository in `directory`. `user` is null for anonymous. Settles when it is answered. */
export async function serveGit(input: {
  request: IncomingMessage
  response: ServerResponse
  url: URL
  route: GitRoute
  directory: string
  user: string | null
}): Promise<void> {
  const { request, response, url, route, directory, user } = input
  const env: NodeJS.ProcessEnv = {
    ...(await gitEnvironment()),
    GIT_PROJECT_ROOT: path.dirname(directory),
    GIT_HTTP_EXPORT_ALL: '1',
    GATEWAY_INTERFACE: 'CGI/1.1',
    REQUEST_METHOD: request.method ?? 'GET',
    PATH_INFO: `/${path.basename(directory)}/${route.rest}`,
    QUERY_STRING: url.search.slice(1),
    REMOTE_ADDR: '127.0.0.1',
    ...cgiHeaders(request),
  }
  if (user !== null) env.REMOTE_USER = user
  const child = spawn(path.join(await gitExecPath(), 'git-http-backend'), { env, stdio: ['pipe', 'pipe', 'ignore'] })
  response.on('close', () => child.kill())
  // git ends without reading the rest of a body that it refuses; that is no failure of ours.
  child.stdin.on('error', () => request.resume())
  request.pipe(child.stdin)
  await pipeCgiAnswer(child.stdout, response)
}

function cgiHeaders(request: IncomingMessage): Record<string, string> {
  const names = {
    'content-type': 'CONTENT_TYPE',
    'content-length': 'CONTENT_LENGTH',
    'content-encoding': 'HTTP_CONTENT_ENCODING',
    'git-protocol': 'GIT_PROTOCOL',
    'user-agent': 'HTTP_USER_AGENT',
  }
  return Object.fromEntries(
    Object.entries(names).flatMap(([header, name]) => {
      const value = request.headers[header]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )
}

/** CGI: headers, an empty line, the body. `Status:` is the status, 200 when it is absent. */
async function pipeCgiAnswer(output: NodeJS.ReadableStream, response: ServerResponse): Promise<void> {
  let head = Buffer.alloc(0)
  let bodyBegun = false
  for await (const chunk of output as AsyncIterable<Buffer>) {
    if (bodyBegun) {
      await writeWithPressure(response, chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) continue
    bodyBegun = true
    writeCgiHead(head.subarray(0, end).toString('latin1'), response)
    await writeWithPressure(response, head.subarray(end + 4))
  }
  if (!bodyBegun && !response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
  response.end()
}

function writeCgiHead(head: string, response: ServerResponse): void {
  let status = 200
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim()
    const value = line.slice(colon + 1).trim()
    if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10)
    else response.setHeader(name, value)
  }
  response.writeHead(status)
}

function writeWithPressure(response: ServerResponse, chunk: Buffer): Promise<void> {
  if (response.write(chunk) || response.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const settle = () => {
      response.off('drain', settle)
      response.off('close', settle)
      resolve()
    }
    response.on('drain', settle)
    response.on('close', settle)
  })
}
