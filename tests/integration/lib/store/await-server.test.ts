import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { trustExtraCa } from '../../../../lib/composition/trust-extra-ca.ts'
import { awaitServer, ServerUnusable } from '../../../../lib/store/await-server.ts'
import { createEmptyDatabase } from '../../../support/database.ts'
import { startPostgresFront } from '../../../support/postgres-front.ts'

const real = inject('templateDatabaseUrl')
const database = new URL(real)
database.pathname = '/postgres'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

interface Outcome {
  message: string | null
  lines: string[]
}

/** What is thrown, in words, and what was said while it waited. */
async function wait(url: string, timeoutMs = 600): Promise<Outcome> {
  const lines: string[] = []
  const { signal } = new AbortController()
  const waiting = awaitServer({ url, timeoutMs, onWait: (line) => lines.push(line), signal })
  const failure = await waiting.then(
    () => null,
    (error: unknown) => error,
  )
  if (failure !== null) expect(failure).toBeInstanceOf(ServerUnusable)
  return { message: failure instanceof Error ? failure.message : null, lines }
}

async function startFront(...[to, options]: Parameters<typeof startPostgresFront>) {
  const front = await startPostgresFront(to, options)
  closers.push(() => front.close())
  return front
}

/** A server of our own that answers each connection with `answer`. */
async function startServer(answer: (client: Socket, message: Buffer) => void): Promise<string> {
  const clients = new Set<Socket>()
  const server: Server = createServer((client) => {
    clients.add(client)
    client.on('data', (message) => answer(client, message))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const client of clients) client.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return `postgres://ada:hunter2@127.0.0.1:${typeof address === 'object' ? address?.port : ''}/berth`
}

/** A message of PostgreSQL's protocol: its letter, its length, its body. */
function message(letter: string, ...parts: (string | number[])[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : Buffer.from(part))),
  )
  const head = Buffer.alloc(5)
  head.write(letter)
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const READY = message('Z', [0x49])
const STARTING = message('E', 'SFATAL', 'VFATAL', 'C57P03', 'Mthe database system is starting up', [0])

describe('a database server that is there', () => {
  it('is used at once, and nothing is said', async () => {
    expect(await wait(database.href)).toEqual({ message: null, lines: [] })
  })

  it('refuses a wrong password in words that hold neither', async () => {
    const wrong = new URL(database)
    wrong.password = 'hunter2'
    const { message, lines } = await wait(wrong.href, 60_000)
    expect(message).toBe(
      `The database server at 127.0.0.1:${database.port} does not accept the password of the user "berth".`,
    )
    expect(lines).toEqual([])
  })

  it('that wants a password is told with whose there is none', async () => {
    const without = new URL(database)
    without.password = ''
    expect((await wait(without.href)).message).toMatch(/, and there is no password in DATABASE_URL\. Waited \d+ s\.$/)
  })

  it('without the database is told with the line that makes it', async () => {
    const missing = new URL(database)
    missing.pathname = '/none'
    const { message } = await wait(missing.href, 60_000)
    expect(message).toBe(
      `The database server at 127.0.0.1:${database.port} has no database "none". Make it there: CREATE DATABASE "none" OWNER "berth";`,
    )
  })

  it('whose database cannot hold every letter is refused with the line that makes it anew', async () => {
    const made = await createEmptyDatabase("ENCODING 'SQL_ASCII' TEMPLATE template0")
    closers.push(() => made.close())
    const { hostname, port, pathname } = new URL(made.url)
    expect((await wait(made.url, 60_000)).message).toBe(
      `The database "${pathname.slice(1)}" of the server at ${hostname}:${port} is encoded in SQL_ASCII; Berth needs UTF8. Make it anew: CREATE DATABASE "${pathname.slice(1)}" ENCODING 'UTF8' TEMPLATE template0;`,
    )
  })

  it('of an old version is refused by its number', async () => {
    const column = (name: string) => [name, [0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]]
    const columns = message('T', [0, 2], ...column('version'), ...column('encoding'))
    const row = message('D', [0, 2, 0, 0, 0, 6], [...Buffer.from('120022')], [0, 0, 0, 4], [...Buffer.from('UTF8')])
    const url = await startServer((client, received) => {
      if (received[0] === 'Q'.charCodeAt(0))
        client.write(Buffer.concat([columns, row, message('C', 'SELECT 1'), READY]))
      else if (received[0] === 0) client.write(Buffer.concat([message('R', [0, 0, 0, 0]), READY]))
    })
    expect((await wait(url, 60_000)).message).toBe(
      `The database server at 127.0.0.1:${new URL(url).port} is PostgreSQL 12; Berth needs 13 or newer.`,
    )
  })
})

describe('a database server that is not there', () => {
  it('is waited for, said once, and used when it comes', async () => {
    const front = await startFront(database.href, { isCut: true })
    const lines: string[] = []
    const { signal } = new AbortController()
    const waiting = awaitServer({
      url: front.url,
      timeoutMs: 60_000,
      onWait: (line) => {
        lines.push(line)
        void front.restore()
      },
      signal,
    })
    await waiting
    expect(lines).toEqual([
      `The database server at 127.0.0.1:${front.port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${front.port}. Waiting for it.`,
    ])
  })

  it('is given up after the deadline, in words without the password', async () => {
    const front = await startFront(database.href, { isCut: true })
    const { message, lines } = await wait(front.url)
    expect(message).toBe(
      `The database server at 127.0.0.1:${front.port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${front.port}. Waited 1 s.`,
    )
    expect(lines).toHaveLength(1)
  })

  it('is waited for while it starts', async () => {
    const url = await startServer((client) => void (client.writable && client.end(STARTING)))
    const { message, lines } = await wait(url)
    expect(lines).toEqual([
      `The database server at 127.0.0.1:${new URL(url).port} cannot be reached: the database system is starting up. Waiting for it.`,
    ])
    expect(message).toContain('the database system is starting up. Waited 1 s.')
  })

  it('that takes a connection and says nothing is not waited for without end', async () => {
    const url = await startServer(() => {})
    expect((await wait(url)).message).toMatch(/cannot be reached: no answer within \d+ s\. Waited 1 s\.$/)
  })

  it('is not waited for any longer when the start is given up', async () => {
    const front = await startFront(database.href, { isCut: true })
    const giveUp = new AbortController()
    const waiting = awaitServer({
      url: front.url,
      timeoutMs: 60_000,
      onWait: () => giveUp.abort(new Error('given up')),
      signal: giveUp.signal,
    })
    await expect(waiting).rejects.toThrow('given up')
  })
})

describe('TLS', () => {
  let folder: string
  const file = (name: string) => path.join(folder, name)
  const before = tls.getCACertificates('default')

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'berth-postgres-tls-'))
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key.pem')]
    execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-days', '2', '-out', file('ca.pem')], {
      stdio: 'ignore',
    })
  })
  afterAll(() => {
    tls.setDefaultCACertificates(before)
    rmSync(folder, { recursive: true })
  })

  async function startTlsFront(parameters: string): Promise<string> {
    const certificate = { key: readFileSync(file('key.pem'), 'utf8'), cert: readFileSync(file('ca.pem'), 'utf8') }
    const front = await startFront(database.href, { tls: certificate })
    const url = new URL(front.url)
    url.hostname = 'localhost'
    return `${url.href}?${parameters}`
  }

  it('needs a certificate that is trusted, and says which setting trusts it', async () => {
    const url = await startTlsFront('sslmode=verify-full')
    expect((await wait(url, 60_000)).message).toBe(
      `The database server at localhost:${new URL(url).port} shows a certificate that is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT). Name its authority's certificate in BERTH_EXTRA_CA, or take it unchecked with sslmode=no-verify.`,
    )
  })

  it('takes any certificate with sslmode=no-verify, and the one that sslrootcert names', async () => {
    expect(await wait(await startTlsFront('sslmode=no-verify'))).toEqual({ message: null, lines: [] })
    const named = `sslmode=verify-full&sslrootcert=${encodeURIComponent(file('ca.pem'))}`
    expect(await wait(await startTlsFront(named))).toEqual({ message: null, lines: [] })
  })

  it('takes the certificate of BERTH_EXTRA_CA', async () => {
    const url = await startTlsFront('sslmode=verify-full')
    trustExtraCa(file('ca.pem'))
    expect(await wait(url)).toEqual({ message: null, lines: [] })
  })

  it('that the server does not speak, and a certificate file that is not there, are said in words', async () => {
    const port = Number(database.port)
    expect((await wait(`${database.href}?sslmode=no-verify`)).message).toBe(
      `The database server at 127.0.0.1:${port} cannot be reached: The server does not support SSL connections. Waited 1 s.`,
    )
    expect((await wait(`${database.href}?sslmode=verify-full&sslrootcert=/none.pem`, 60_000)).message).toBe(
      "The address of the database cannot be used: ENOENT: no such file or directory, open '/none.pem'.",
    )
  })
})
