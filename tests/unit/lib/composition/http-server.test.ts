import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type HttpServer, openHttpServer } from '../../../../lib/composition/http-server.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const server of open.splice(0)) await server.close()
})

async function openOn(host: string, port: number): Promise<HttpServer> {
  const http = await openHttpServer({ host, port })
  open.push(http)
  return http
}

/** On two ports, one after the other, whose next one is free; answers the first. */
async function listenOnTwo(first: Server, second: Server): Promise<number> {
  for (let port = 20_000 + (process.pid % 10_000); ; port += 10) {
    const free = await Promise.all([port, port + 1, port + 2].map(isFree))
    if (free.includes(false)) continue
    await new Promise<void>((resolve) => first.listen(port, '127.0.0.1', resolve))
    await new Promise<void>((resolve) => second.listen(port + 1, '127.0.0.1', resolve))
    return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', () => resolve(false))
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
  })
}

describe('openHttpServer', () => {
  it('answers 503 while the rest is made, and then what it is given', async () => {
    const http = await openOn('127.0.0.1', 0)
    const early = await fetch(http.url)
    expect([early.status, await early.text()]).toEqual([503, 'Berth is starting.\n'])
    http.answerWith((_request, response) => response.end('ready'))
    expect(await (await fetch(http.url)).text()).toBe('ready')
  })

  it('cuts an answer of which nothing is read, and none that takes long or is read slowly', async () => {
    // Longer than this process may be kept from reading.
    const stuckMs = 2_000
    const http = await openHttpServer({ host: '127.0.0.1', port: 0, stuckMs })
    open.push(http)
    const cut = Promise.withResolvers<string>()
    const piece = 'x'.repeat(64 * 1024)
    http.answerWith((request, response) => {
      const { url = '' } = request
      if (url === '/late') return void setTimeout(() => response.end('late'), 3 * stuckMs)
      const writeOn = () => {
        while (response.write(piece));
      }
      response.on('drain', writeOn).once('close', () => cut.resolve(url))
      writeOn()
    })
    const reader = (await fetch(`${http.url}/read`)).body?.getReader()
    const stuck = connect(http.port, '127.0.0.1', () => stuck.write('GET /stuck HTTP/1.1\r\nhost: berth\r\n\r\n'))
    stuck.on('error', () => {}).pause()
    let isCut = false
    const reading = (async () => {
      while (!isCut) await reader?.read()
      await reader?.cancel()
    })()
    expect(await (await fetch(`${http.url}/late`)).text()).toBe('late')
    expect(await cut.promise).toBe('/stuck')
    isCut = true
    await reading
    stuck.destroy()
  })

  it('names who has the port, and another one that is free', async () => {
    const other = createServer()
    const next = createServer()
    open.push(other, next)
    const port = await listenOnTwo(other, next)
    await expect(openOn('127.0.0.1', port)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken by node (process ${process.pid}). End it, or take another port: PORT=${port + 2} npm start`,
    )
  })

  it('names another Berth, and its folder', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'berth-other-'))
    await mkdir(path.join(folder, 'scripts'))
    const script = path.join(folder, 'scripts/serve.ts')
    await writeFile(
      script,
      `import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
       const server = createServer().listen(0, '127.0.0.1', () => console.log(server.address().port))`,
    )
    const berth = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const port = await new Promise<number>((resolve) => berth.stdout.once('data', (line) => resolve(Number(line))))
      await expect(openOn('127.0.0.1', port)).rejects.toThrow(
        `Port ${port} on 127.0.0.1 is taken by another Berth (process ${berth.pid}, in ${folder}). End it`,
      )
    } finally {
      berth.kill()
      await rm(folder, { recursive: true })
    }
  })

  it('says that a host is not of this machine', async () => {
    await expect(openOn('203.0.113.1', 0)).rejects.toThrow('HOST=203.0.113.1 is no address of this machine')
  })

  it('gives an address that can be opened when it listens on every one', async () => {
    const http = await openOn('0.0.0.0', 0)
    expect(http.url).toBe(`http://localhost:${http.port}`)
  })

  it('ends streams that are still open when it closes', async () => {
    const http = await openOn('127.0.0.1', 0)
    http.answerWith((_request, response) => response.write('an endless stream'))
    const answer = await fetch(http.url)
    await http.close()
    await expect(answer.text()).rejects.toThrow()
    await http.close()
  })
})
