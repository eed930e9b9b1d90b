/**
 * What is out of reach from inside: privileges, the host and its users, a neighbour's sandbox, keys, a network. Tried by the
 * agent's user, and by the bridge's, as which a bridge is played that was taken over.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, stat } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect } from 'vitest'
import { bridgeToken } from '../../lib/services/sandbox/connection.ts'
import { type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { FORGE_TOKEN, MODEL_KEY } from '../support/e2e-outside.ts'
import { BRIDGE_USER, SLOW, startTriedAgent, type TriedAgent } from '../support/tried-agent.ts'
import { describeBoundary } from './describe-boundary.ts'

let rig: BoundaryRig
let agent: TriedAgent
let neighbour: TriedAgent
let secrets: string[]

beforeAll(async () => {
  rig = await startBoundary()
  agent = await startTriedAgent(rig)
  neighbour = await startTriedAgent(rig)
  const { secretKey, sessionSecret } = rig.parts.settings
  secrets = [MODEL_KEY, FORGE_TOKEN, rig.api.token, secretKey ?? '', sessionSecret ?? '']
  expect(secrets.filter((secret) => secret.length < 20)).toEqual([])
})
afterAll(() => rig?.close())

/** As an ordinary user of the host, who is in no group. */
async function asNobody(command: string): Promise<string> {
  const child = spawn('bash', ['-c', `exec 2>&1; ${command}`], { cwd: '/', uid: 65_534, gid: 65_534 })
  return await text(child.stdout)
}

describeBoundary('sandbox', ({ attempt }) => {
  attempt('capabilities, namespaces, setuid programs', async () => {
    const status = await agent.output('id -u; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status')
    expect(status).toMatch(/^1000$/m)
    expect(status.match(/^Cap\w+:\s+0{16}$/gm)).toHaveLength(5)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status).toMatch(/^Seccomp:\s+2$/m)
    for (const kind of ['user', 'net', 'mount', 'pid', 'ipc', 'uts', 'cgroup', 'map-root-user']) {
      expect(await agent.output(`unshare --${kind} true`), kind).toContain('unshare failed: Operation not permitted')
    }
    const others = await agent.output(
      'mount -t tmpfs none /tmp; mknod /tmp/kmem c 1 2; chroot / true; nsenter -t 1 -m true; ip link; reboot -f; hostname x; dmesg',
    )
    expect(others).not.toMatch(/^\s*$/)
    expect(await agent.output('hostname; ls /tmp/kmem')).toMatch(/^agent\n.*No such file/s)
    expect(await agent.output('find / -xdev -perm /6000 -type f 2>/dev/null')).toBe('')
    const own = 'cp /usr/bin/id /home/agent/id; chmod 6755 /home/agent/id; /home/agent/id'
    expect(await agent.output(`${own}; rm /home/agent/id`)).toMatch(
      /^uid=1000\(agent\) gid=1000\(agent\) groups=1000\(agent\)$/m,
    )
    const ofTheBridge = 'cp /usr/bin/id /workspace/id; chmod 4755 /workspace/id; /workspace/id; rm -f /workspace/id'
    expect(await agent.output(ofTheBridge, BRIDGE_USER)).not.toContain('euid')
    const taken = 'cp /usr/bin/id /home/agent/id; chmod 4755 /home/agent/id'
    await agent.output(taken)
    // A setuid file of the agent's, run by the bridge's user, stays the bridge's: no_new_privs.
    expect(await agent.output('/home/agent/id', BRIDGE_USER)).not.toContain('1000')
    await agent.output('rm /home/agent/id')
    expect(await agent.output('ulimit -c; ulimit -Hc')).toBe('0\n0\n')
  })

  attempt('setuid files in the mounted folder', async () => {
    const { folder } = await agent.sandbox()
    if (process.getuid?.() === 0) {
      expect(await agent.output('cp /usr/bin/id /run/berth-bridge/agents')).toContain('Permission denied')
    }
    await agent.output('cp /usr/bin/id /run/berth-bridge/id; chmod 6777 /run/berth-bridge/id', BRIDGE_USER)
    const file = path.join(folder, 'id')
    expect(((await stat(file)).mode & 0o7777).toString(8)).toBe('6777')
    // Only the folder above stands between it and the host's other users: every other door is opened for this look.
    const sockets = path.dirname(folder)
    expect((await stat(sockets)).mode & 0o777).toBe(0o700)
    if (process.getuid?.() !== 0) {
      // Nobody else can be tried as.
      await agent.output('rm -f /run/berth-bridge/id', BRIDGE_USER)
      return
    }
    const above = path.dirname(sockets)
    const doors = [above, path.dirname(above), path.dirname(path.dirname(above))].filter((door) => door.length > 4)
    const modes = await Promise.all(doors.map(async (door) => (await stat(door)).mode & 0o7777))
    for (const door of doors) await chmod(door, 0o755)
    try {
      expect(await asNobody(`ls -d ${above}`)).toBe(`${above}\n`)
      const tried = await asNobody(`ls ${sockets}; ls ${folder}; ${file}; cat ${file}; cd ${folder}`)
      expect(tried.match(/Permission denied/g)).toHaveLength(5)
    } finally {
      for (const [index, door] of doors.entries()) await chmod(door, modes[index] ?? 0o700)
      await agent.output('rm -f /run/berth-bridge/id', BRIDGE_USER)
    }
  })

  attempt('keys and tokens, anywhere it can read and in its own bridge', async () => {
    const { labels } = await agent.sandbox()
    const token = bridgeToken(rig.parts.settings.secretKey ?? '', agent.id, labels.incarnation)
    const everything = await agent.output(
      `env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -v grep; cat ~/.gitconfig /etc/gitconfig /workspace/.git/config ~/.npmrc`,
    )
    expect(everything).toContain('HOME=/home/agent')
    expect([...secrets, token].filter((secret) => everything.includes(secret))).toEqual([])
    const patterns = [...secrets, token].map((secret) => `-e ${secret}`).join(' ')
    const files = await agent.output(
      `grep -rlF ${patterns} / --exclude-dir=proc --exclude-dir=sys 2>/dev/null; echo searched`,
    )
    expect(files).toBe('searched\n')
    // What the bridge's user could read, were the bridge taken over: its own token and nothing else.
    const encoded = [...secrets, labels.incarnation].map((secret) => Buffer.from(secret).toString('base64'))
    const memory = await agent.python(
      `
import base64, re, subprocess
wanted = [base64.b64decode(one) for one in ${JSON.stringify(encoded)}]
found = set()
pid = subprocess.check_output(["pgrep", "-u", "990", "-f", "^/opt/berth/bin/node"]).split()[0].decode()
with open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in open(f"/proc/{pid}/maps"):
        start, end = (int(side, 16) for side in line.split()[0].split("-"))
        if "r" not in line.split()[1] or "[v" in line or end - start > 1 << 30: continue
        try:
            memory.seek(start)
            held = memory.read(end - start)
        except (OSError, ValueError): continue
        found.update(index for index, secret in enumerate(wanted) if secret in held)
print(sorted(found))`,
      BRIDGE_USER,
    )
    // The last is no secret, and shows that the search finds what is there. Where the kernel lets nobody look, nobody may.
    expect(memory).toMatch(/^\[5\]\n$|Permission denied|Operation not permitted/)
    expect(secrets).toHaveLength(5)
    expect(await agent.output('cat /state/* /proc/self/environ | tr "\\0" "\\n"', BRIDGE_USER)).not.toMatch(
      new RegExp(secrets.join('|')),
    )
  })

  attempt('a network interface of its own', async () => {
    expect(
      await agent.output('ls /sys/class/net; cat /proc/net/dev | tail -n +3 | wc -l; cat /proc/net/route | wc -l'),
    ).toBe('lo\n1\n1\n')
    expect(await agent.output(`curl --noproxy '*' -sS --max-time 5 http://192.0.2.1/; echo $?`)).toMatch(/\n7\n$/)
    expect(await agent.python('import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)')).toContain(
      'PermissionError',
    )
    expect(await agent.python('import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)')).toContain(
      'PermissionError',
    )
    expect(await agent.output('getent hosts example.com || echo none')).toBe('none\n')
  })

  attempt("abstract sockets of the host, and of a neighbour's sandbox", async () => {
    const name = `berth-boundary-${randomBytes(8).toString('hex')}`
    const host = net.createServer()
    await new Promise<void>((resolve) => host.listen({ path: `\0${name}` }, resolve))
    const served = neighbour.sh(
      `timeout 20 python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.bind('\\0${name}-n'); s.listen(); open('/tmp/bound', 'w'); s.accept()"`,
    )
    try {
      await expect.poll(async () => (await neighbour.sh('ls /tmp/bound')).exitCode, SLOW).toBe(0)
      for (const one of [name, `${name}-n`]) {
        const tried = await agent.python(`import socket\nsocket.socket(socket.AF_UNIX).connect("\\0${one}")`)
        expect(tried).toContain('ConnectionRefusedError')
      }
      expect(await agent.output('cat /proc/net/unix')).not.toContain(name)
    } finally {
      await neighbour.sh('pkill -f berth-boundary')
      await served
      await new Promise((resolve) => host.close(resolve))
    }
  })

  attempt('the programs of Berth and the system, overwritten', async () => {
    const tried = await agent.output(
      'echo x > /opt/berth/bridge.cjs; rm -f /opt/berth/bin/node; mv /opt/berth /opt/x; touch /etc/x /usr/bin/x /x; echo x > /etc/passwd; echo x > /opt/berth/compile-cache/x; mkdir /opt/berth/compile-cache/y; ln -s x /opt/berth/shims/x',
    )
    expect(tried.match(/Read-only file system|Permission denied/g)).toHaveLength(10)
    const system = await agent.output(
      'for f in kernel/core_pattern kernel/hostname vm/overcommit_memory net/ipv4/ip_forward fs/inotify/max_user_watches; do echo 1 > /proc/sys/$f; done; echo c > /proc/sysrq-trigger; mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x; echo 1 > /sys/fs/cgroup/cgroup.procs; ls /proc/kcore /proc/scsi /sys/firmware/efi 2>/dev/null',
    )
    expect(system.match(/Read-only file system|Permission denied|No such file/g)?.length).toBeGreaterThanOrEqual(9)
    const ofTheBridge = await agent.output(
      'touch /opt/berth/bridge.cjs; echo x > /opt/berth/compile-cache/x; touch /etc/x',
      BRIDGE_USER,
    )
    expect(ofTheBridge.match(/Read-only file system|Permission denied/g)).toHaveLength(3)
  })

  attempt('apt, sudo and docker: told what to do instead', async () => {
    expect(await agent.output('apt install jq')).toContain('Install into your home instead: pip install')
    expect(await agent.output('sudo id')).toContain('Run the command without sudo.')
    expect(await agent.output('docker ps')).toContain('Run the program directly instead')
  })

  attempt('docker inspect: no network, no capability, no key', async () => {
    const shown = await rig.engine.inspect(agent.id)
    const { labels, folder } = await agent.sandbox()
    expect(shown.HostConfig).toMatchObject({
      NetworkMode: 'none',
      PublishAllPorts: false,
      CapDrop: ['ALL'],
      Privileged: false,
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges:true'],
      PidMode: '',
      UsernsMode: '',
      IpcMode: 'private',
      PidsLimit: 512,
      Memory: 2 ** 31,
      MemorySwap: 2 ** 31,
    })
    expect(shown.HostConfig.PortBindings ?? {}).toEqual({})
    expect(Object.keys(shown.NetworkSettings.Networks)).toEqual(['none'])
    for (const field of ['CapAdd', 'Devices', 'Binds', 'VolumesFrom', 'DeviceRequests', 'GroupAdd']) {
      expect(shown.HostConfig[field] ?? []).toEqual([])
    }
    expect(shown.Config.User).toBe('990:990')
    const folders = shown.Mounts.filter(({ Type }) => Type === 'bind')
    expect(folders).toMatchObject([{ Destination: '/run/berth-bridge', Source: folder }])
    const volumes = shown.Mounts.filter(({ Type }) => Type === 'volume').map(({ Destination }) => Destination)
    expect(volumes.toSorted()).toEqual(['/home/agent', '/state', '/workspace'])
    const token = bridgeToken(rig.parts.settings.secretKey ?? '', agent.id, labels.incarnation)
    const everything = JSON.stringify(shown)
    expect([...secrets, token].filter((secret) => everything.includes(secret))).toEqual([])
  })
})
