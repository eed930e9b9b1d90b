/** The pages and routes, served by Next in this process. Sets what every page is sent with; knows no route. */
import { randomBytes } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import { publishForNext } from '../config.ts'
import type { HttpServer } from './http-server.ts'

export interface NextApp {
  handle: RequestListener
  close(): Promise<void>
}

export interface NextAppInput {
  root: string
  http: HttpServer
  publicUrl: string
  isDevelopment: boolean
}

/** Answers when the first request can be served. */
export async function openNextApp({ root, http, publicUrl, isDevelopment }: NextAppInput): Promise<NextApp> {
  publishForNext({ publicUrl, isDevelopment })
  // Next reads the environment when it is loaded.
  const { default: next } = await import('next')
  if (!isDevelopment) await readConfigSilently(root)
  const app = next({ dev: isDevelopment, dir: root, port: http.port, httpServer: http.server })
  await app.prepare()
  const handle = app.getRequestHandler()
  return {
    handle: (request, response) => {
      const policy = contentPolicy({ nonce: randomBytes(16).toString('base64'), isDevelopment })
      // Next puts the nonce that it finds in the request's header on every script it writes.
      request.headers['content-security-policy'] = policy
      response.setHeader('Content-Security-Policy', policy)
      handle(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
    },
    close: () => app.close(),
  }
}

/** Next tells on standard output how long its configuration took, unless it has read it before. */
async function readConfigSilently(root: string): Promise<void> {
  // CommonJS that was compiled from ESM: to an import its default export is a property of the default export.
  const load = createRequire(import.meta.url)
  const { default: loadConfig } = load('next/dist/server/config') as typeof import('next/dist/server/config.js')
  const { PHASE_PRODUCTION_SERVER } = load('next/constants') as typeof import('next/constants.js')
  await loadConfig(PHASE_PRODUCTION_SERVER, root, { silent: true })
}

/** Scripts are those of this page's nonce and what they load; nothing comes from or goes to another host; nobody frames a page. */
export function contentPolicy({ nonce, isDevelopment }: { nonce: string; isDevelopment: boolean }): string {
  const forHotReload = isDevelopment ? " 'unsafe-eval'" : ''
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${forHotReload}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    `connect-src 'self'${isDevelopment ? ' ws:' : ''}`,
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}
