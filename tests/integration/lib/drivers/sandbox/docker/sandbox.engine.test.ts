/** What is particular to Docker: the isolation that `docker inspect` shows and that a command inside finds. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDockerDriver } from '../../../../../../lib/drivers/sandbox/docker/create-docker-driver.ts'
import type { Sandbox, SandboxSpec } from '../../../../../../lib/drivers/sandbox/port.ts'
import { randomIds } from '../../../../../../lib/ids.ts'
import { silentLogger } from '../../../../../../lib/logger.ts'
import { askBridge } from '../../../../../contract/sandbox-driver.ts'
import { type DockerRig, makeDockerRig } from '../../../../../support/docker-rig.ts'
import { OWNS_SOCKET_FOLDER } from '../../../../../support/socket-folder.ts'

const AGENT = '1000:1000'
const token = 'the bearer token of this incarnation'

describe('a Docker sandbox', () => {
  const spec: SandboxSpec = {
    installationId: randomIds.next('ins'),
    agentId: randomIds.next('agt'),
    incarnation: randomIds.next('inc'),
    image: '',
    memoryBytes: 512 * 1024 * 1024,
    nanoCpus: 1_000_000_000,
    pids: 512,
    tmpBytes: 64 * 1024 * 1024,
    bridgeTokenSha256: createHash('sha256').update(token).digest('hex'),
    agentEnv: { PROJECT: 'berth' },
  }
  let rig: DockerRig
  /** What it says on both streams, in the order in which it said it: the engine keeps none between the two. */
  const inside = (command: string) => rig.run(spec, AGENT, ['sh', '-c', `exec 2>&1; ${command}`])

  beforeAll(async () => {
    rig = await makeDockerRig()
    spec.image = rig.image
    await rig.driver.create(spec)
    await askBridge(rig.driver, spec)
  }, 600_000)
  afterAll(async () => {
    await rig?.driver.remove(spec)
    await rig?.driver.removeVolumes(spec)
    await rig?.close()
  }, 60_000)

  it('shows no network, no capability, no extra swap, a read-only root and no key', async () => {
    const shown = await rig.inspect(spec)
    expect(shown.HostConfig).toMatchObject({
      NetworkMode: 'none',
      CapDrop: ['ALL'],
      CapAdd: null,
      Privileged: false,
      SecurityOpt: ['no-new-privileges:true'],
      ReadonlyRootfs: true,
      Init: true,
      PidsLimit: 512,
      Memory: spec.memoryBytes,
      MemorySwap: spec.memoryBytes,
      NanoCpus: spec.nanoCpus,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    })
    expect(shown.Config.User).toBe('990:990')
    expect(shown.Name).toBe(`/agent-${spec.agentId}`)
    expect(Object.keys(shown.NetworkSettings.Networks)).toEqual(['none'])
    expect(shown.Mounts.map(({ Destination }) => Destination).sort()).toEqual([
      '/home/agent',
      '/run/berth-bridge',
      '/state',
      '/workspace',
    ])
    expect(JSON.stringify(shown)).not.toContain(token)
  })

  it('has loopback only, over IPv4 and IPv6 and by its own name', async () => {
    expect((await inside('ls /sys/class/net')).trim()).toBe('lo')
    const listen = (host: string) =>
      `/opt/berth/bin/node -e 'require("net").createServer().listen(0, "${host}", () => { console.log("listens"); process.exit() })'`
    for (const host of ['127.0.0.1', '::1', 'localhost', 'agent']) {
      expect((await inside(listen(host))).trim(), host).toBe('listens')
    }
    expect(await inside('curl -sS --noproxy "*" -m 2 http://192.0.2.1/; echo $?')).toMatch(/\b7$/m)
  })

  it('keeps the bridge out of the reach of commands', async () => {
    expect(await inside('cat /proc/1/environ; ls /state; kill -9 1; pkill -9 -u 990; echo done')).toMatch(
      /Permission denied[\s\S]*Permission denied[\s\S]*not permitted[\s\S]*not permitted[\s\S]*done/,
    )
    expect(await inside('touch /run/berth/x')).toContain('Permission denied')
    if (!OWNS_SOCKET_FOLDER) {
      expect(await inside('rm -f /run/berth-bridge/bridge.sock')).toMatch(
        /bridge\.sock.*(not permitted|Permission denied)/,
      )
    }
    expect(await askBridge(rig.driver, spec)).toMatchObject({ uid: 990, tokenSha256: spec.bridgeTokenSha256 })
  })

  it('gives commands no capability and no way to one', async () => {
    const status = await inside('grep -E "^(Cap|NoNewPrivs)" /proc/self/status')
    const capabilities = [...status.matchAll(/^Cap\w+:\s*(\w+)/gm)].map((match) => match[1])
    expect(new Set(capabilities)).toEqual(new Set(['0000000000000000']))
    expect(status).toMatch(/NoNewPrivs:\s*1/)
  })

  it('starts the runner as the agent, without the hash of the bridge token', async () => {
    const environment = await inside(
      `tr '\\0' '\\n' < /proc/$(pgrep -f '^/opt/berth/bin/node /opt/berth/runner.cjs')/environ`,
    )
    expect(environment).toContain('HOME=/home/agent\n')
    expect(environment).toContain('PROJECT=berth\n')
    expect(environment).toContain(`BERTH_AGENT_ID=${spec.agentId}\n`)
    expect(environment).not.toContain('BERTH_TOKEN_SHA256')
  })

  it('lets commands write and run files where they work, and nowhere else', async () => {
    for (const folder of ['/workspace', '/home/agent', '/tmp', '/var/tmp']) {
      const program = `${folder}/program`
      const write = `printf '#!/bin/sh\\necho ran' > ${program} && chmod +x ${program} && ${program}; rm -f ${program}`
      expect((await inside(write)).trim(), folder).toBe('ran')
    }
    expect(await inside('touch /opt/berth/x')).toContain('Read-only file system')
    expect(await inside('df -k /tmp | tail -1')).toMatch(/^tmpfs\s+65536\s/)
  })

  it('has volumes of the owners that the image gives them', async () => {
    const owners = await inside('stat -c "%n %u:%g %a" /workspace /home/agent /state')
    expect(owners.trim().split('\n')).toEqual([
      '/workspace 1000:1000 755',
      '/home/agent 1000:1000 755',
      '/state 990:990 700',
    ])
  })

  it('starts under another name when a foreign container has the name for people', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), incarnation: randomIds.next('inc') }
    const foreign = await rig.engine.createContainer(`agent-${other.agentId}`, { Image: rig.image })
    try {
      await rig.driver.create(other)
      expect(await askBridge(rig.driver, other)).toMatchObject({ incarnation: other.incarnation })
      await rig.driver.remove(other)
      expect(await rig.engine.findContainer(foreign)).not.toBeNull()
    } finally {
      await rig.driver.remove(other)
      await rig.driver.removeVolumes(other)
      await rig.engine.removeContainer(foreign)
    }
  })

  it('refuses what took the place of the socket', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), incarnation: randomIds.next('inc') }
    await rig.driver.create(other)
    await askBridge(rig.driver, other)
    const entry = path.join(rig.socketRoot, other.incarnation, 'bridge.sock')
    try {
      await rm(entry)
      await symlink('/var/run/docker.sock', entry)
      await expect(rig.driver.dial(other)).rejects.toThrow('it is a symbolic link')
      await rm(entry)
      await writeFile(entry, '')
      await expect(rig.driver.dial(other)).rejects.toThrow('it is not a socket')
      await rm(entry)
      // Root gives the folder to the bridge alone: here somebody else may write in it too.
      await chmod(path.dirname(entry), 0o1777)
      const listen = `require("net").createServer().listen("/run/berth-bridge/bridge.sock", () => process.exit())`
      await rig.run(other, AGENT, [
        '/opt/berth/bin/node',
        '-e',
        `process.reallyExit = process.kill.bind(null, process.pid, 9); ${listen}`,
      ])
      expect((await stat(entry)).isSocket()).toBe(true)
      await expect(rig.driver.dial(other)).rejects.toThrow("it belongs to uid 1000, not to the bridge's 990")
    } finally {
      await rig.driver.remove(other)
      await rig.driver.removeVolumes(other)
    }
  })

  it('lets only its own user near the socket directories, and removes them with the container', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), incarnation: randomIds.next('inc') }
    await rig.driver.create(other)
    expect((await stat(rig.socketRoot)).mode & 0o7777).toBe(0o700)
    const made = await stat(path.join(rig.socketRoot, other.incarnation))
    expect([made.uid, made.mode & 0o7777]).toEqual(
      process.getuid?.() === 0 ? [990, 0o755] : [process.getuid?.(), 0o1777],
    )
    await rig.driver.remove(other)
    await rig.driver.removeVolumes(other)
    await expect(stat(path.join(rig.socketRoot, other.incarnation))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('is reached by a control plane with another data folder: over its socket, and through exec without that', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), incarnation: randomIds.next('inc') }
    await rig.driver.create(other)
    await askBridge(rig.driver, other)
    const socketRoot = path.join(path.dirname(rig.socketRoot), 'another')
    const next = createDockerDriver({ dockerHost: null, socketRoot, logger: silentLogger, reach: 'socket' })
    const folder = path.join(rig.socketRoot, other.incarnation)
    try {
      expect(await askBridge(next, other)).toMatchObject({ incarnation: other.incarnation })
      // Not to be found by its path any more, as on a machine or in a container that has no such folder.
      await rename(folder, `${folder}.elsewhere`)
      expect(await askBridge(next, other)).toMatchObject({ incarnation: other.incarnation })
    } finally {
      await rename(`${folder}.elsewhere`, folder)
      await next.remove(other)
      await next.removeVolumes(other)
      await next.close()
    }
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('gets its runner back while somebody watches, however often it is killed', async () => {
    const stop = await rig.driver.watch(spec.installationId, () => {})
    try {
      for (let time = 0; time < 2; time += 1) {
        const before = await rig.runnerPid(spec)
        await inside(`kill -9 ${before}`)
        await expect.poll(() => rig.runnerPid(spec), { timeout: 10_000 }).not.toBe(before)
        await expect.poll(() => rig.countRunners(spec), { timeout: 10_000 }).toBe(1)
      }
    } finally {
      stop()
    }
  })

  it('reports a sandbox that was removed from outside', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), incarnation: randomIds.next('inc') }
    const { engineId } = await rig.driver.create(other)
    let stop = () => {}
    const ended = new Promise<Sandbox>((resolve) => {
      rig.driver.watch(spec.installationId, resolve).then((stopWatching) => {
        stop = stopWatching
        return rig.engine.removeContainer(engineId)
      })
    })
    expect(await ended).toMatchObject({ agentId: other.agentId, engineId, state: 'stopped' })
    stop()
    await rig.driver.remove(other)
    await rig.driver.removeVolumes(other)
  })

  it('goes on with its runner when the control plane that made it ends', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), incarnation: randomIds.next('inc') }
    const module = path.resolve('lib/drivers/sandbox/docker/create-docker-driver.ts')
    const program = `
      const { createDockerDriver } = await import(${JSON.stringify(module)})
      const { silentLogger } = await import(${JSON.stringify(path.resolve('lib/logger.ts'))})
      const driver = createDockerDriver({ dockerHost: null, socketRoot: ${JSON.stringify(rig.socketRoot)}, logger: silentLogger })
      await driver.create(${JSON.stringify(other)})
      process.kill(process.pid, 'SIGKILL')`
    await expect(promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])).rejects.toMatchObject({
      signal: 'SIGKILL',
    })
    const next = createDockerDriver({ dockerHost: null, socketRoot: rig.socketRoot, logger: silentLogger })
    expect(await askBridge(next, other)).toMatchObject({ incarnation: other.incarnation })
    const runner = await rig.runnerPid(other)
    await next.ensureRunner(other)
    expect(await rig.runnerPid(other)).toBe(runner)
    await next.remove(other)
    await next.removeVolumes(other)
    await next.close()
  })

  it('says which variable an agent cannot have', async () => {
    const other = { ...spec, agentId: randomIds.next('agt'), agentEnv: { NODE_OPTIONS: '--require /workspace/x.js' } }
    await expect(rig.driver.create(other)).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ path: 'env.NODE_OPTIONS', message: 'is not allowed' }],
    })
    expect(await rig.hasVolumes(other)).toBe(false)
  })
})
