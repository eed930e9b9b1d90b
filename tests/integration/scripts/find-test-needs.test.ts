/** What `npm test` finds out about the engine, asked of a stand-in for it. */
import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, it } from 'vitest'

const needs = path.resolve(import.meta.dirname, '../../../scripts/set-up/find-test-needs.mjs')

let server: Server | null = null
afterEach(async () => {
  await new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)))
})

/** Answers what was found of an engine that answers a container's creation so, and all that it was asked. */
async function findEngine(creation: { status: number; body: unknown }) {
  const asked: string[] = []
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://engine')
    asked.push(`${request.method} ${pathname.replace(/berth-seen-\w+/, 'IMAGE')}`)
    request.resume()
    response.writeHead(pathname === '/containers/create' ? creation.status : 200, {
      'content-type': 'application/json',
    })
    response.end(pathname === '/containers/create' ? JSON.stringify(creation.body) : '{}')
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const script = `import(${JSON.stringify(needs)}).then(async (needs) => console.log(JSON.stringify(await needs.findEngine())))`
  const env = { ...process.env, DOCKER_HOST: `tcp://127.0.0.1:${port}` }
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env })
  return { found: JSON.parse(stdout) as { problem: string | null }, asked }
}

it('an engine that sees the folder of the tests will do, and keeps nothing of the question', async () => {
  const { found, asked } = await findEngine({ status: 201, body: { Id: 'made' } })
  expect(found).toEqual({ problem: null })
  expect(asked).toEqual([
    'GET /_ping',
    'POST /images/create',
    'POST /containers/create',
    'DELETE /containers/made',
    'DELETE /images/IMAGE:1',
  ])
})

it('one that does not is named, with what to set', async () => {
  const message = 'invalid mount config for type "bind": bind source path does not exist: /tmp/berth-seen-x'
  const { found, asked } = await findEngine({ status: 400, body: { message } })
  expect(found.problem).toMatch(/does not see the folder .* Set TMPDIR to a folder that it sees/)
  expect(asked.at(-1)).toBe('DELETE /images/IMAGE:1')
})
