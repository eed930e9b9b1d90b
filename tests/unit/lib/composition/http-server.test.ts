import { createServer } from 'node:net'
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

describe('openHttpServer', () => {
  it('answers 503 while the rest is made, and then what it is given', async () => {
    const http = await openOn('127.0.0.1', 0)
    const early = await fetch(http.url)
    expect([early.status, await early.text()]).toEqual([503, 'Berth is starting.\n'])
    http.answerWith((_request, response) => response.end('ready'))
    expect(await (await fetch(http.url)).text()).toBe('ready')
  })

  it('names who has the port, and another one to take', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    open.push(other)
    const address = other.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(openOn('127.0.0.1', port)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken by node (process ${process.pid}). End it, or take another port: PORT=${port + 1} npm start`,
    )
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
