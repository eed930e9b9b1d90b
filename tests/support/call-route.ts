/** The API's routes called as the server calls them, without the server: the module of the path, a Request, a Response. */
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const api = fileURLToPath(new URL('../../app/api', import.meta.url))

type Handler = (request: Request, route: { params: Promise<Record<string, string>> }) => Promise<Response>

/** Every route file, as its path with its parameters in brackets: "/agents/[agentId]/start". */
export const routePaths: string[] = readdirSync(api, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('/route.ts'))
  .map((file) => `/${path.dirname(file)}`)
  .toSorted()

export async function loadRoute(routePath: string): Promise<Record<string, Handler>> {
  return (await import(path.join(api, routePath, 'route.ts'))) as Record<string, Handler>
}

export interface Call {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  signal?: AbortSignal
}

/** `url` is below /api, with its query: "/agents/agt_1/events?after=3". */
export async function callRoute(method: string, url: string, call: Call = {}): Promise<Response> {
  const { pathname } = new URL(url, 'http://berth.test')
  const { routePath, params } = findRoute(pathname)
  const handler = (await loadRoute(routePath))[method]
  if (!handler) throw new Error(`${routePath} has no ${method}`)
  const request = new Request(new URL(`/api${url}`, 'http://berth.test'), {
    method,
    headers: {
      ...(call.token !== undefined && { authorization: `Bearer ${call.token}` }),
      ...call.headers,
    },
    ...(call.body !== undefined && { body: typeof call.body === 'string' ? call.body : JSON.stringify(call.body) }),
    ...(call.signal && { signal: call.signal }),
  })
  return await handler(request, { params: Promise.resolve(params) })
}

function findRoute(pathname: string): { routePath: string; params: Record<string, string> } {
  const given = pathname.split('/')
  for (const routePath of routePaths) {
    const wanted = routePath.split('/')
    if (wanted.length !== given.length) continue
    const params: Record<string, string> = {}
    const fits = wanted.every((segment, index) => {
      const name = /^\[(\w+)\]$/.exec(segment)?.[1]
      if (name !== undefined) params[name] = given[index] ?? ''
      return name !== undefined || segment === given[index]
    })
    if (fits) return { routePath, params }
  }
  throw new Error(`no route for ${pathname}`)
}
