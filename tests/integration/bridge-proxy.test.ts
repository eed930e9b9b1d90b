import { execFile, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { REFUSAL_CODE_HEADER, REFUSAL_REASON_HEADER } from '../../container/contract/tunnel.ts'
import { type BridgeRig, startBridgeRig } from '../support/bridge-rig.ts'
import { attachPeer, type StreamHandler, type TunnelPeer } from '../support/tunnel-peer.ts'

let rig: BridgeRig
let peers: TunnelPeer[]
let control: StreamHandler
let egress: StreamHandler

beforeEach(async () => {
  rig = await startBridgeRig()
  control = (stream) => stream.close()
  egress = (stream) => stream.close()
  peers = await Promise.all([
    rig.client.openTunnel('control', 1).then((socket) => attachPeer(socket, (...args) => control(...args))),
    rig.client.openTunnel('egress', 1).then((socket) => attachPeer(socket, (...args) => egress(...args))),
  ])
})

afterEach(async () => {
  await rig.close()
  for (const peer of peers) peer.kill()
  await Promise.all(peers.map((peer) => peer.closed))
})

async function curl(...args: string[]) {
  const env = { ...process.env, no_proxy: '', NO_PROXY: '', http_proxy: rig.proxyUrl, https_proxy: rig.proxyUrl }
  try {
    const { stdout, stderr } = await promisify(execFile)(
      'curl',
      ['--silent', '--show-error', '--max-time', '15', ...args],
      {
        env,
        maxBuffer: 80_000_000,
      },
    )
    return { exitCode: 0, stdout, stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { exitCode: code, stdout, stderr }
  }
}

/** A raw connection to the proxy that has sent CONNECT and read the answer's head. */
async function connect(authority: string): Promise<{ socket: net.Socket; status: string }> {
  const socket = net.connect({ port: rig.bridge.proxyPort, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`)
  let head = ''
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    head += chunk.toString('latin1')
  }
  socket.pause()
  const rest = head.slice(head.indexOf('\r\n\r\n') + 4)
  if (rest !== '') socket.unshift(Buffer.from(rest, 'latin1'))
  return { socket, status: head.split('\r\n')[0] ?? '' }
}

describe('plain http', () => {
  it('of git.berth goes on the control tunnel, everything else on the egress tunnel', async () => {
    const seen: string[] = []
    const answer =
      (name: string): StreamHandler =>
      (stream, headers) => {
        seen.push(
          `${name} ${headers[':method']} ${headers[':authority']} ${headers[':path']} ${headers['x-berth-egress']}`,
        )
        stream.respond({ ':status': 200 })
        stream.end(`${name}\n`)
      }
    control = answer('control')
    egress = answer('egress')
    expect((await curl('http://git.berth/octo/sample.git/info/refs?service=git-upload-pack')).stdout).toBe('control\n')
    expect((await curl('http://Example.COM:8080/a?b=c')).stdout).toBe('egress\n')
    expect(seen).toEqual([
      'control GET git.berth /octo/sample.git/info/refs?service=git-upload-pack undefined',
      'egress GET example.com:8080 /a?b=c http',
    ])
  })

  it('passes bodies both ways, and no header of one connection or of the bridge itself', async () => {
    const body = randomBytes(3_000_000)
    let headersSeen: unknown
    egress = async (stream, headers) => {
      headersSeen = headers
      const hash = createHash('sha256')
      for await (const chunk of stream) hash.update(chunk)
      stream.respond({ ':status': 201, 'x-answer': 'yes' })
      stream.end(hash.digest('hex'))
    }
    const request = http.request({
      port: rig.bridge.proxyPort,
      host: '127.0.0.1',
      method: 'PUT',
      path: 'http://example.com/up',
      headers: {
        host: 'example.com',
        connection: 'close, x-private',
        'x-private': '1',
        'x-kept': '1',
        'proxy-authorization': 'Basic x',
        'x-berth-run': 'run_of_another',
        expect: '100-continue',
        'transfer-encoding': 'chunked',
      },
    })
    request.end(body)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    let text = ''
    for await (const chunk of response) text += chunk
    expect(response.statusCode).toBe(201)
    expect(response.headers['x-answer']).toBe('yes')
    expect(text).toBe(createHash('sha256').update(body).digest('hex'))
    expect(headersSeen).toMatchObject({ 'x-kept': '1' })
    for (const name of [
      'x-private',
      'proxy-authorization',
      'x-berth-run',
      'connection',
      'transfer-encoding',
      'expect',
    ]) {
      expect(headersSeen).not.toHaveProperty(name)
    }
  })

  it('brings 50 MB through unharmed', async () => {
    const block = randomBytes(1_000_000)
    egress = async (stream) => {
      stream.respond({ ':status': 200, 'content-length': 50_000_000 })
      for (let index = 0; index < 50; index += 1) if (!stream.write(block)) await once(stream, 'drain')
      stream.end()
    }
    const child = spawn('sh', ['-c', 'curl -s http://example.com/large | sha256sum'], {
      env: { ...process.env, no_proxy: '', NO_PROXY: '', http_proxy: rig.proxyUrl },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [out] = (await once(child.stdout, 'data')) as [Buffer]
    const expected = createHash('sha256')
    for (let index = 0; index < 50; index += 1) expected.update(block)
    expect(out.toString().slice(0, 64)).toBe(expected.digest('hex'))
  })

  it('shows a refusal of the control plane in the status line and the body', async () => {
    egress = (stream) => {
      stream.respond({
        ':status': 403,
        [REFUSAL_CODE_HEADER]: 'host_not_allowed',
        [REFUSAL_REASON_HEADER]: 'evil.example is not on the list. Ask the person to add it.',
      })
      stream.end('something else')
    }
    const { stdout } = await curl('--include', 'http://evil.example/')
    expect(stdout).toMatch(/^HTTP\/1.1 403 evil\.example is not on the list\. Ask the person to add it\.\r\n/)
    expect(stdout).toMatch(/\r\n\r\nevil\.example is not on the list\. Ask the person to add it\.\n$/)
    expect(stdout).toContain('x-berth-refusal: host_not_allowed')
  })

  it('says what this is to someone who takes it for a web server', async () => {
    const response = await fetch(rig.proxyUrl)
    expect(response.status).toBe(400)
    expect(await response.text()).toContain('This is the HTTP proxy of this sandbox, not a web server.')
  })

  it('tells a client of a cut in the middle of an answer, never that it was whole', async () => {
    egress = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('the first half')
      setImmediate(() => peers[1]?.kill())
    }
    const { exitCode } = await curl('http://example.com/')
    expect(exitCode).toBe(18)
  })

  it('resets the stream when the client goes away', async () => {
    const closed = new Promise<number | undefined>((resolve) => {
      egress = (stream) => {
        stream.respond({ ':status': 200 })
        stream.write('x')
        stream.once('close', () => resolve(stream.rstCode))
      }
    })
    const request = http.get({ port: rig.bridge.proxyPort, host: '127.0.0.1', path: 'http://example.com/' })
    request.on('error', () => undefined)
    await once(request, 'response')
    request.destroy()
    expect(await closed).not.toBe(0)
  })

  it('never passes half an upload on as a whole one', async () => {
    const outcome = new Promise<string>((resolve) => {
      egress = (stream) => {
        stream.on('data', () => request.destroy())
        stream.once('end', () => resolve(stream.rstCode === 0 ? 'whole' : 'cut'))
        stream.once('error', () => resolve('cut'))
      }
    })
    const request = http.request({
      port: rig.bridge.proxyPort,
      host: '127.0.0.1',
      method: 'POST',
      path: 'http://example.com/',
      headers: { 'transfer-encoding': 'chunked' },
    })
    request.on('error', () => undefined)
    request.write('the first half')
    expect(await outcome).toBe('cut')
  })

  it('answers 502 when the control plane closes the stream without an answer', async () => {
    const { stdout } = await curl('--include', 'http://example.com/')
    expect(stdout).toMatch(/^HTTP\/1.1 502 The control plane closed the connection before it answered/)
  })
})

describe('names of the tunnel', () => {
  it.each([
    'http://model.berth/v1/chat/completions',
    'http://forge.berth/pull-request',
    'http://model.berth./v1',
    'http://MODEL.berth/v1',
    'http://model.berth:80/v1',
    'http://other.berth/',
    'http://berth/',
    'http://git.berth:8080/',
  ])('refuses %s, whatever the control plane would say', async (url) => {
    let reached = false
    control = egress = () => {
      reached = true
    }
    expect((await curl('--include', url)).stdout).toMatch(/^HTTP\/1.1 403 /)
    expect(reached).toBe(false)
  })

  it.each(['model.berth:443', 'model.berth:80', 'git.berth:80', 'git.berth.:443', 'Forge.Berth:80'])(
    'refuses CONNECT %s',
    async (authority) => {
      const { socket, status } = await connect(authority)
      expect(status).toMatch(/^HTTP\/1.1 403 /)
      socket.destroy()
    },
  )
})

describe('CONNECT', () => {
  it('carries bytes both ways, and one side may end before the other', async () => {
    egress = (stream, headers) => {
      expect(headers).toMatchObject({ ':method': 'CONNECT', ':authority': 'example.com:443' })
      stream.respond({ ':status': 200 })
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (chunk: string) => {
        text += chunk
      })
      stream.on('end', () => stream.end(`heard ${text}, now that you are done`))
    }
    const { socket, status } = await connect('example.com:443')
    expect(status).toBe('HTTP/1.1 200 Connection established')
    socket.end('hello')
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toBe('heard hello, now that you are done')
  })

  it('shows a refusal in the status line, with its words in the body', async () => {
    egress = (stream) => {
      stream.respond({ ':status': 403, [REFUSAL_CODE_HEADER]: 'x', [REFUSAL_REASON_HEADER]: 'not on the list' })
      stream.end()
    }
    const { exitCode, stderr } = await curl('--verbose', 'https://evil.example/')
    expect(exitCode).toBe(56)
    expect(stderr).toContain('HTTP/1.1 403 not on the list')
  })

  it('that is refused is explained in the result of the command that tried it', async () => {
    egress = (stream) => {
      stream.respond({ ':status': 403, [REFUSAL_CODE_HEADER]: 'x', [REFUSAL_REASON_HEADER]: 'not on the list' })
      stream.end()
    }
    const line = `curl -s --proxy ${rig.proxyUrl} --noproxy '' https://evil.example/; curl -s --proxy ${rig.proxyUrl} --noproxy '' http://model.berth/`
    const run = (command: string) =>
      rig.parts.workspace.run({ command: { line: command }, timeoutMs: 10_000, maxOutputChars: 1_000 })
    expect((await run(line)).notices).toEqual([
      'evil.example:443 was refused: not on the list',
      'http://model.berth/ was refused: model.berth is not for programs in the sandbox; of the .berth names only git.berth is.',
    ])
    expect((await run('true')).notices).toBeUndefined()
  })

  it('that is refused after it was opened is explained there too', async () => {
    egress = (stream) => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.once('wantTrailers', () =>
        stream.sendTrailers({
          [REFUSAL_CODE_HEADER]: 'sni_mismatch',
          [REFUSAL_REASON_HEADER]: 'it names another host',
        }),
      )
      stream.once('data', () => stream.end())
    }
    const line = `curl -s --proxy ${rig.proxyUrl} --noproxy '' https://evil.example/`
    const command = { command: { line }, timeoutMs: 10_000, maxOutputChars: 1_000 }
    expect((await rig.parts.workspace.run(command)).notices).toEqual([
      'evil.example:443 was refused: it names another host',
    ])
  })

  it('serves 200 at once: 128 go through the tunnel, the others wait their turn', async () => {
    let open = 0
    let most = 0
    let release: () => void = () => undefined
    const full = new Promise<void>((resolve) => {
      release = resolve
    })
    egress = async (stream) => {
      open += 1
      most = Math.max(most, open)
      if (open === 128) setImmediate(release)
      await full
      stream.respond({ ':status': 200 })
      stream.end('hi')
      stream.resume()
      stream.once('close', () => {
        open -= 1
      })
    }
    const answers = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { socket, status } = await connect(`host-${index}.example:443`)
        socket.end()
        let text = ''
        for await (const chunk of socket) text += chunk
        return `${status} ${text}`
      }),
    )
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 200 Connection established hi']))
    expect(most).toBe(128)
  })

  it('resets the client when the tunnel is killed in mid-stream, and serves the next over a new one', async () => {
    egress = (stream) => {
      stream.respond({ ':status': 200 })
      stream.write('some')
    }
    const { socket } = await connect('example.com:443')
    const failed = once(socket, 'error')
    socket.resume()
    peers[1]?.kill()
    expect((await failed)[0]).toMatchObject({ code: 'ECONNRESET' })

    const waiting = connect('example.com:443')
    const again = attachPeer(await rig.client.openTunnel('egress', 1), (...args) => egress(...args))
    peers.push(again)
    const { socket: second, status } = await waiting
    expect(status).toBe('HTTP/1.1 200 Connection established')
    second.destroy()
  })

  it('to port 80 is what some programs ask for before plain http: each request goes as such, whatever its Host says', async () => {
    const seen: string[] = []
    egress = (stream, headers) => {
      seen.push(`${headers[':method']} ${headers[':authority']} ${headers[':path']} ${headers['x-berth-egress']}`)
      stream.respond({ ':status': 200, 'content-length': 2 })
      stream.end('ok')
    }
    const { socket, status } = await connect('Example.com:80')
    expect(status).toBe('HTTP/1.1 200 Connection established')
    socket.write('GET /first HTTP/1.1\r\nhost: example.com\r\n\r\n')
    socket.write('GET /second HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*ok$/s)
    expect(seen).toEqual(['GET example.com /first http', 'GET example.com /second http'])
  })

  it('to port 80 with anything else than http in it is told so', async () => {
    const { socket } = await connect('example.com:80')
    socket.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]))
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch(/^HTTP\/1\.1 400 This is not an HTTP request/)
  })

  it('by Node’s own fetch, for plain http too, is refused in words', async () => {
    egress = (stream) => {
      stream.respond({ ':status': 403, [REFUSAL_CODE_HEADER]: 'x', [REFUSAL_REASON_HEADER]: 'not on the list' })
      stream.end()
    }
    const script = `fetch('http://evil.example/').then(async (answer) => console.log(answer.status, await answer.text()))`
    const env = { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: rig.proxyUrl, NO_PROXY: '', no_proxy: '' }
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env })
    expect(stdout).toBe('403 not on the list\n\n')
  })

  it('refuses what is not host:port', async () => {
    for (const authority of ['example.com', 'example.com:0', 'example.com:99999', 'http://example.com:80']) {
      const { socket, status } = await connect(authority)
      expect(status).toMatch(/^HTTP\/1.1 400 /)
      socket.destroy()
    }
  })
})

describe('the proxy', () => {
  it('survives clients that speak nonsense, send headers without end, or vanish', async () => {
    for (const nonsense of [
      '\0\x01\x02\r\n\r\n',
      `GET http://a/ HTTP/1.1\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
      'GET http:',
    ]) {
      const socket = net.connect(rig.bridge.proxyPort, '127.0.0.1')
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write(nonsense)
      if (nonsense.endsWith('\r\n\r\n')) await once(socket, 'data')
      socket.resetAndDestroy()
    }
    egress = (stream) => {
      stream.respond({ ':status': 200 })
      stream.end('still here')
    }
    expect((await curl('http://example.com/')).stdout).toBe('still here')
  })
})
