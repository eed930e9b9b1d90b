/** Bridges reached through exec: what the contract of every driver does not say of it. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import http2, { type ServerHttp2Stream } from 'node:http2'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createDockerDriver } from '../../../../../../../lib/drivers/sandbox/docker/create-docker-driver.ts'
import type { SandboxSpec } from '../../../../../../../lib/drivers/sandbox/port.ts'
import { randomIds } from '../../../../../../../lib/ids.ts'
import { silentLogger } from '../../../../../../../lib/logger.ts'
import { askBridge } from '../../../../../../contract/sandbox-driver.ts'
import { type DockerRig, makeDockerRig } from '../../../../../../support/docker-rig.ts'

const MEGABYTE = 1024 * 1024
const installationId = randomIds.next('ins')

describe('a sandbox whose bridge is reached through exec', () => {
  let rig: DockerRig
  let spec: SandboxSpec
  const made: SandboxSpec[] = []
  const specify = (): SandboxSpec => ({
    installationId,
    agentId: randomIds.next('agt'),
    incarnation: randomIds.next('inc'),
    image: rig.image,
    memoryBytes: 512 * MEGABYTE,
    nanoCpus: 1_000_000_000,
    pids: 512,
    tmpBytes: 64 * MEGABYTE,
    bridgeTokenSha256: 'a'.repeat(64),
    agentEnv: {},
  })
  const make = async (driver = rig.driver) => {
    const fresh = specify()
    made.push(fresh)
    await driver.create(fresh)
    await askBridge(driver, fresh)
    return fresh
  }
  /** Relays that run in the sandbox: one stands ready in each that was dialled. */
  const countRelays = async (sandbox: SandboxSpec) => {
    const relays = await rig.run(sandbox, '990:990', ['pgrep', '-c', '-f', '^/opt/berth/bin/node /opt/berth/relay.cjs'])
    return Number(relays)
  }

  beforeAll(async () => {
    rig = await makeDockerRig({ reach: 'relay' })
    spec = await make()
  }, 600_000)
  afterEach(async () => {
    for (const other of made.splice(1)) {
      await rig.driver.remove(other)
      await rig.driver.removeVolumes(other)
    }
  })
  afterAll(async () => {
    for (const sandbox of made) {
      await rig.driver.remove(sandbox)
      await rig.driver.removeVolumes(sandbox)
    }
    await rig?.close()
  }, 60_000)

  it('has no folder of the host, and a place for its socket where nobody else can put anything', async () => {
    const shown = await rig.inspect(spec)
    expect(shown.Mounts.map(({ Destination }) => Destination).sort()).toEqual(['/home/agent', '/state', '/workspace'])
    const inside = (user: string, command: string) => rig.run(spec, user, ['sh', '-c', command])
    expect((await inside('1000:1000', 'stat -c "%u:%g %a %F" /run/berth-bridge')).trim()).toBe('990:990 755 directory')
    expect(await inside('1000:1000', 'mv /run/berth-bridge/bridge.sock /run/berth-bridge/x')).toContain(
      'Permission denied',
    )
    expect(await inside('1000:1000', 'ln -s /tmp/x /run/berth-bridge/x')).toContain('Permission denied')
  })

  it('carries HTTP/2 in reverse, megabytes both ways on two streams at once', async () => {
    const socket = await openTunnel(await rig.driver.dial(spec))
    const session = http2.performServerHandshake(socket)
    const echoes = await new Promise<boolean[]>((resolve, reject) => {
      const pending: Promise<boolean>[] = []
      session.on('error', reject)
      session.on('stream', (stream) => {
        pending.push(echo(stream, 8 * MEGABYTE))
        if (pending.length === 2) resolve(Promise.all(pending))
      })
    })
    expect(echoes).toEqual([true, true])
    const closed = once(session, 'close')
    session.destroy()
    await closed
  })

  it('takes no more out of a sandbox than is read', async () => {
    const flood = await startRequest(await rig.driver.dial(spec), 'GET', '/flood')
    const written = async () => (await ask(await rig.driver.dial(spec), 'GET', '/written')).flooded as number
    let last = -1
    await expect
      .poll(
        async () => {
          const before = last
          last = await written()
          return last > 0 && last === before
        },
        { timeout: 15_000, interval: 200 },
      )
      .toBe(true)
    expect(last).toBeLessThan(8 * MEGABYTE)
    let read = 0
    for await (const chunk of flood) {
      read += chunk.length
      if (read > last + 2 * MEGABYTE) break
    }
    flood.destroy()
  })

  it('takes no more for a sandbox than that reads, and loses nothing of it', async () => {
    const socket = await rig.driver.dial(spec)
    const body = Buffer.alloc(16 * MEGABYTE, 'y')
    const request = http.request({ path: '/hold', method: 'POST', createConnection: () => socket })
    const answered = once(request, 'response')
    let accepted = 0
    const send = async () => {
      for (let offset = 0; offset < body.length; offset += MEGABYTE) {
        const goesOn = request.write(body.subarray(offset, offset + MEGABYTE))
        accepted += MEGABYTE
        if (!goesOn) await once(request, 'drain')
      }
      request.end()
    }
    const sent = send()
    let last = -1
    await expect
      .poll(
        () => {
          const before = last
          last = accepted
          return last > 0 && last === before
        },
        { timeout: 15_000, interval: 500 },
      )
      .toBe(true)
    expect(accepted).toBeLessThan(8 * MEGABYTE)
    await ask(await rig.driver.dial(spec), 'GET', '/release')
    await sent
    const [response] = (await answered) as [http.IncomingMessage]
    expect(await text(response)).toBe(String(body.length))
    socket.destroy()
  })

  it('passes on that a request has ended, and reads what comes after', async () => {
    const socket = await rig.driver.dial(spec)
    socket.end('GET /health HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n\r\n')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*"path":"\/health"/)
  })

  it('says that the sandbox is lost once its bridge is, whether or not the container is there', async () => {
    const [deaf, dead] = [await make(), await make()]
    await ask(await rig.driver.dial(deaf), 'GET', '/deaf')
    await expect(rig.driver.dial(deaf)).rejects.toMatchObject({
      code: 'sandbox_lost',
      message: 'No bridge listens on /run/berth-bridge/bridge.sock (ENOENT).',
      details: { errno: 'ENOENT' },
    })
    const open = await rig.driver.dial(dead)
    const closed = once(open, 'close')
    await rig.killOutside(dead)
    open.resume()
    await closed
    await expect(rig.driver.dial(dead)).rejects.toMatchObject({ code: 'sandbox_lost' })
  })

  it('keeps one relay more than it uses, and none of those that were used', async () => {
    const other = await make()
    for (let dials = 0; dials < 50; dials += 1) {
      await ask(await rig.driver.dial(other), 'GET', '/health')
    }
    await expect.poll(() => countRelays(other), { timeout: 10_000 }).toBe(1)
    const open = await Promise.all([1, 2, 3].map(() => rig.driver.dial(other)))
    await expect.poll(() => countRelays(other), { timeout: 10_000 }).toBe(4)
    for (const socket of open) socket.destroy()
    await expect.poll(() => countRelays(other), { timeout: 10_000 }).toBe(1)
  }, 60_000)

  it('has no relay left of a control plane that was killed, and is reached by the next', async () => {
    const other = specify()
    made.push(other)
    const module = path.resolve('lib/drivers/sandbox/docker/create-docker-driver.ts')
    const program = `
      const { createDockerDriver } = await import(${JSON.stringify(module)})
      const { silentLogger } = await import(${JSON.stringify(path.resolve('lib/logger.ts'))})
      const driver = createDockerDriver({ dockerHost: ${JSON.stringify(rig.engine.address)}, socketRoot: '/nowhere', logger: silentLogger, reach: 'relay' })
      const spec = ${JSON.stringify(other)}
      await driver.create(spec)
      for (let dials = 0; dials < 3; dials += 1) await driver.dial(spec)
      process.kill(process.pid, 'SIGKILL')`
    await expect(promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])).rejects.toMatchObject({
      signal: 'SIGKILL',
    })
    await expect.poll(() => countRelays(other), { timeout: 10_000 }).toBe(0)
    expect(await askBridge(rig.driver, other)).toMatchObject({ incarnation: other.incarnation })
  })

  it('is reached in its own way by a driver that makes the next ones in another', async () => {
    const overSocket = createDockerDriver({
      dockerHost: rig.engine.address,
      socketRoot: rig.socketRoot,
      logger: silentLogger,
      reach: 'socket',
    })
    expect(await askBridge(overSocket, spec)).toMatchObject({ incarnation: spec.incarnation })
    const mounted = await make(overSocket)
    expect(await askBridge(rig.driver, mounted)).toMatchObject({ incarnation: mounted.incarnation })
    expect(await countRelays(mounted)).toBe(0)
    await overSocket.stop(mounted)
    expect(await rig.driver.start(mounted)).toMatchObject({ state: 'running' })
    expect(await askBridge(rig.driver, mounted)).toMatchObject({ incarnation: mounted.incarnation })
    await overSocket.close()
  })

  it('says what to do about an image without a relay', async () => {
    const old = specify()
    const tools = (await rig.engine.findImage(rig.image))?.labels['berth.tools'] ?? ''
    const id = await rig.engine.createContainer('', {
      Image: tools,
      Cmd: ['sleep', 'infinity'],
      Labels: {
        'berth.installation': installationId,
        'berth.agent': old.agentId,
        'berth.incarnation': old.incarnation,
        'berth.reach': 'relay',
      },
      HostConfig: { NetworkMode: 'none' },
    })
    try {
      await rig.engine.startContainer(id)
      await expect(rig.driver.dial(old)).rejects.toMatchObject({
        code: 'sandbox_lost',
        message: expect.stringMatching(/The relay in the container of agent \S+ did not run: .*relay\.cjs/s),
        hint: 'An image that is not up to date is made anew by `npm run build-container`.',
      })
    } finally {
      await rig.engine.removeContainer(id)
    }
  })
})

/** Sends random bytes, ends, and compares what comes back. */
async function echo(stream: ServerHttp2Stream, bytes: number): Promise<boolean> {
  stream.respond({ ':status': 200 })
  const sent = randomBytes(bytes)
  stream.end(sent)
  const hash = createHash('sha256')
  for await (const chunk of stream) hash.update(chunk)
  return hash.digest('hex') === createHash('sha256').update(sent).digest('hex')
}

async function openTunnel(socket: Duplex): Promise<Duplex> {
  const request = http.request({
    path: '/tunnel',
    createConnection: () => socket,
    headers: { connection: 'Upgrade', upgrade: 'berth-tunnel' },
  })
  request.end()
  const [, upgraded, head] = (await once(request, 'upgrade')) as [unknown, Duplex, Buffer]
  if (head.length > 0) upgraded.unshift(head)
  return upgraded
}

async function startRequest(socket: Duplex, method: string, route: string): Promise<http.IncomingMessage> {
  const request = http.request({
    path: route,
    method,
    createConnection: () => socket,
    headers: { connection: 'close' },
  })
  request.end()
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  return response
}

async function ask(socket: Duplex, method: string, route: string): Promise<Record<string, unknown>> {
  const answer = await text(await startRequest(socket, method, route))
  socket.destroy()
  return JSON.parse(answer)
}
