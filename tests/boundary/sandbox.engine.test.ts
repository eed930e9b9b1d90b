/**
 * What the agent's user can do to its own bridge, to a neighbour's sandbox and to the host, tried in real containers by docker
 * exec and, where it matters who starts a command, in runs of the scripted model. Where a test says that it is the bridge's
 * user, a bridge is played that was taken over.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, readFile, stat } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect } from 'vitest'
import { controlEventTypes } from '../../container/contract/events.ts'
import { bridgeToken } from '../../lib/services/sandbox/connection.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import {
  contentText,
  type ModelRequest,
  type Reply,
  type ScriptedToolCall,
} from '../../scripts/stand-ins/model/script.ts'
import { type BoundaryAgent, type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { FORGE_TOKEN, MODEL_KEY } from '../support/e2e-outside.ts'
import { OWNS_SOCKET_FOLDER } from '../support/socket-folder.ts'
import { describeBoundary } from './describe-boundary.ts'

const BRIDGE_USER = '990:990'
const BRIDGE = 'curl -sS --unix-socket /run/berth-bridge/bridge.sock'
const SLOW = { timeout: 30_000 }

const call = (id: string, command: string, seconds = 60): ScriptedToolCall => ({ ...runCommand(command, seconds), id })
const HOLD = call('hold', 'rm -f ~/go; until test -e ~/go; do sleep 0.1; done', 600)
/** More than there are lies: a runner that comes first takes some of them. */
const ALIVE = Array.from({ length: 20 }, (_, index) => call(`alive-${index}`, `echo alive ${index}`, 2))
const SMALL_PIECES = `for i in $(seq 200); do python3 -c 'import time
x = bytearray(8_000_000)
time.sleep(15)' & done; wait`
const HOLD_PROCESS_IDS = `import os, time
while True:
    try:
        if os.fork() == 0: os.execvp("sleep", ["sleep", "1000"])
    except OSError:
        time.sleep(0.01)`

/** What the model answers to the last words of the person: tool calls first, then an end. */
const instructions: Record<string, ScriptedToolCall[]> = {
  'Kill everything.': [
    call('environment', 'env'),
    call('note', 'echo written before > before.txt'),
    call('kill', 'kill -9 -1'),
    call('after', 'cat before.txt; pgrep -c -u 1000 -f /opt/berth/runner.cjs'),
  ],
  'Multiply.': [call('bomb', ':(){ :|:& };:', 600)],
  'Multiply, and wait.': [call('long-bomb', ':(){ :|:& };:; while :; do :; done', 600)],
  'Eat in small pieces.': [call('eat', SMALL_PIECES), call('eaten', 'echo still here')],
  'Believe the liar.': [HOLD, ...ALIVE],
  'Wait for the liar.': [HOLD, call('wait', 'echo never', 600)],
  'Watch files.': [call('watched', 'git status --short; echo worked')],
}

function script({ body }: ModelRequest): Reply {
  const at = body.messages.findLastIndex(({ role }) => role === 'user')
  const calls = instructions[contentText(body.messages[at]?.content)]
  return calls === undefined || at < body.messages.length - 1
    ? { text: 'Ready.' }
    : { text: 'I try.', toolCalls: calls }
}

/** More than a sandbox may say at once, by what is read in some fifteen seconds. */
const FLOOD_ENTRIES = 13_000

let rig: BoundaryRig
let agent: BoundaryAgent
let neighbour: BoundaryAgent
let secrets: string[]

beforeAll(async () => {
  rig = await startBoundary({ script })
  agent = await rig.startAgent()
  neighbour = await rig.startAgent()
  const { secretKey, sessionSecret } = rig.parts.settings
  secrets = [MODEL_KEY, FORGE_TOKEN, rig.api.token, secretKey ?? '', sessionSecret ?? '']
  expect(secrets.filter((secret) => secret.length < 20)).toEqual([])
})
afterAll(() => rig?.close())

const sh = async (command: string, user?: string) =>
  (await agent.sh(command, { directory: '/', ...(user === undefined ? {} : { user }) })).output

const python = (code: string, user?: string) => sh(`python3 - <<'PROGRAM'\n${code}\nPROGRAM`, user)

/** Runs a line for each process of the bridge's user, in which `$p` is its number. */
const forEachBridge = (line: string) => sh(`for p in $(pgrep -u 990); do ${line}; done`)

async function sandboxOf(of: BoundaryAgent) {
  const incarnation = (await rig.parts.stores.agents.find(of.id))?.incarnation ?? ''
  const { installationId, settings } = rig.parts
  const folder = path.join(settings.dataDirectory, 'sockets', incarnation)
  return { labels: { installationId, agentId: of.id, incarnation }, folder }
}

async function dial(): Promise<string> {
  const { labels } = await sandboxOf(agent)
  const socket = await rig.parts.driver.dial(labels)
  socket.destroy()
  return 'dialled'
}

/** As the bridge's user puts something else in the place of the socket, looks whether it is dialled, and puts it back. */
async function dialInstead(replace: string, user = BRIDGE_USER): Promise<string> {
  await sh('mv /run/berth-bridge/bridge.sock /run/berth-bridge/real; chmod 1777 /run/berth-bridge', BRIDGE_USER)
  try {
    await sh(`cd /run/berth-bridge; ${replace}`, user)
    return await dial().catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
  } finally {
    await sh('cd /run/berth-bridge; rm -rf bridge.sock; mv real bridge.sock', user)
    await sh('cd /run/berth-bridge; test -e real && mv -f real bridge.sock', BRIDGE_USER)
  }
}

async function resume(of: BoundaryAgent, words: string) {
  const { run } = await rig.api.resumeAgent(of.id, words)
  return run
}

async function work(of: BoundaryAgent, words: string) {
  const run = await resume(of, words)
  return (await of.untilRunIsOver(run.id)).data
}

const untilCalled = (tool: string, runId: string) =>
  agent.until(`a call of ${tool}`, (event) => {
    const { type, data } = event
    return type === 'tool_call' && event.runId === runId && JSON.stringify(data.input).includes(tool)
  })

const startedAt = async (of: BoundaryAgent) => {
  const shown: unknown = await rig.engine.inspect(of.id)
  return (shown as { State: { StartedAt: string } }).State.StartedAt
}

/** An ordinary day's work, to be done while another agent misbehaves. */
async function works(of: BoundaryAgent): Promise<void> {
  const { output, exitCode } = await of.sh(
    [
      'set -e',
      'git status --short',
      'rm -rf /tmp/repository && git init --quiet /tmp/repository && cd /tmp/repository',
      'git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m work',
      'cd /workspace',
      'python3 -c "print(6 * 7)"',
      'printf "import test from \\"node:test\\"; test(\\"x\\", () => {})" > /tmp/x.test.mjs',
      'node --test /tmp/x.test.mjs | grep "^. pass 1"',
      'node -e "require(\'net\').createServer().listen(0, () => process.exit())"',
      'timeout 1 tail -f README.md > /tmp/tail || test $? = 124',
      'test -s /tmp/tail && echo done',
    ].join('; '),
  )
  expect(output).toMatch(/^42\n.* pass 1\n(.*\n)*done\n$/)
  expect(exitCode).toBe(0)
}

/** As an ordinary user of the host, who is in no group. */
async function asNobody(command: string): Promise<string> {
  const child = spawn('bash', ['-c', `exec 2>&1; ${command}`], { cwd: '/', uid: 65_534, gid: 65_534 })
  return await text(child.stdout)
}

describeBoundary('sandbox', ({ attempt }) => {
  attempt("the bridge's memory", async () => {
    const read = await forEachBridge(
      'for f in mem maps smaps pagemap auxv stack syscall; do head -c 1 /proc/$p/$f; done',
    )
    expect(read.match(/Permission denied|Operation not permitted/g)?.length).toBeGreaterThanOrEqual(14)
    expect(read.replaceAll(/^.*(Permission denied|Operation not permitted)\n/gm, '')).toBe('')
    const calls = await python(`
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
class iovec(ctypes.Structure): _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]
buffer = ctypes.create_string_buffer(8)
here, there = iovec(ctypes.addressof(buffer), 8), iovec(0x400000, 8)
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    for name in ["process_vm_readv", "process_vm_writev"]:
        print(name, getattr(libc, name)(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0), ctypes.get_errno())`)
    expect(calls.trim().split('\n').length).toBeGreaterThanOrEqual(4)
    // EPERM, each time.
    expect(calls).toMatch(/^(process_vm_(readv|writev) -1 1\n)+$/)
  })

  attempt("the bridge's environment and open files", async () => {
    const read = await forEachBridge(
      'cat /proc/$p/environ; ls /proc/$p/fd; ls /proc/$p/fdinfo; readlink /proc/$p/cwd || echo no link; ls /proc/$p/root; ls /proc/$p/task/*/fd',
    )
    expect(read).not.toMatch(/BERTH_|bridge\.sock|pipe:|socket:/)
    expect(read.match(/Permission denied|no link/g)?.length).toBeGreaterThanOrEqual(10)
    const taken = await python(`
import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    handle = os.pidfd_open(pid)
    for fd in range(3, 30):
        print("fd", libc.syscall(438, handle, fd, 0), ctypes.get_errno())`)
    expect(new Set(taken.trim().split('\n'))).toEqual(new Set(['fd -1 1']))
  })

  attempt('signals to the bridge', async () => {
    const sent = await forEachBridge('for s in 0 TERM KILL STOP HUP USR1 SEGV QUIT; do kill -$s $p; done')
    expect(sent.match(/Operation not permitted/g)?.length).toBeGreaterThanOrEqual(16)
    const handles = await python(`
import os, signal, subprocess
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    try: signal.pidfd_send_signal(os.pidfd_open(pid), 9); print("sent")
    except PermissionError: print("denied")`)
    expect(handles).toMatch(/^(denied\n)+$/)
    expect(await sh('pkill -u 990; pgrep -c -u 990')).toMatch(/Operation not permitted[\s\S]*[2-9]\n$/)
  })

  attempt('tracing the bridge', async () => {
    const traced = await python(`
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    for request in [16, 0x4206]:
        print("ptrace", libc.ptrace(request, pid, 0, 0), ctypes.get_errno())`)
    expect(traced.trim().split('\n').length).toBeGreaterThanOrEqual(4)
    expect(new Set(traced.trim().split('\n'))).toEqual(new Set(['ptrace -1 1']))
  })

  attempt("the bridge's priority, limits and place in the queue for memory", async () => {
    const changed = await python(`
import os, resource, subprocess
def attempt(name, change):
    try: change(); print(name, "changed")
    except PermissionError: print(name, "denied")
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    attempt("nice", lambda: os.setpriority(os.PRIO_PROCESS, pid, 19))
    attempt("limit", lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, 8)))
    attempt("processors", lambda: os.sched_setaffinity(pid, {0}))
    attempt("scheduler", lambda: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)))
    attempt("memory", lambda: open(f"/proc/{pid}/oom_score_adj", "w").write("1000"))`)
    expect(changed.trim().split('\n').length).toBeGreaterThanOrEqual(10)
    expect(changed).not.toContain('changed')
  })

  attempt('the journal and everything else in /state', async () => {
    const state = await sh(
      'ls -a /state; cat /state/*; cd /state; touch /state/x; mv /state /state2; rm -rf /state/*; find /state -mindepth 1; stat -c "%u %a" /state',
    )
    expect(
      state.match(/Permission denied|Read-only file system|Device or resource busy/g)?.length,
    ).toBeGreaterThanOrEqual(5)
    expect(state).toMatch(/^990 700$/m)
    expect(state).not.toMatch(/journalId|journal\.ndjson/)
  })

  attempt("the bridge's socket without its token", async () => {
    const status = `-o /dev/null -w '%{http_code}\\n'`
    const answers = await sh(
      [
        `${BRIDGE} ${status} http://bridge/health`,
        `${BRIDGE} ${status} http://bridge/agent/status`,
        `${BRIDGE} ${status} 'http://bridge/agent/events?after=0'`,
        `${BRIDGE} ${status} http://bridge/no/such/route`,
        `${BRIDGE} ${status} -H 'authorization: Bearer guessed' http://bridge/agent/status`,
        `${BRIDGE} ${status} -H 'authorization: Basic Og==' http://bridge/agent/status`,
        `${BRIDGE} ${status} -X POST -H 'content-type: application/json' -d '{}' http://bridge/agent/execute`,
        `${BRIDGE} ${status} -X POST -d '{}' http://bridge/agent/cancel`,
        `${BRIDGE} ${status} -X POST -d '{}' http://bridge/agent/clone`,
        `${BRIDGE} ${status} -H 'connection: upgrade' -H 'upgrade: berth-tunnel' 'http://bridge/tunnel?kind=control&fence=999'`,
      ].join('; '),
    )
    expect(answers).toBe('401\n'.repeat(10))
  })

  attempt("the bridge's socket, removed, moved or replaced", async () => {
    if (!OWNS_SOCKET_FOLDER) {
      const tried = await sh(
        'cd /run/berth-bridge; rm -f bridge.sock; mv bridge.sock x; ln -sf /dev/null bridge.sock; mv -f /tmp bridge.sock; chmod 0 bridge.sock; chmod 0 .; ls -l bridge.sock',
      )
      expect(tried.match(/Operation not permitted|Permission denied|cannot/g)?.length).toBeGreaterThanOrEqual(6)
      expect(tried).toMatch(/^srw\S+ 1 bridge bridge /m)
    }
    const runner = await sh('cd /run/berth; rm -f runner.sock; mv runner.sock x; touch x; ls')
    expect(runner.match(/Permission denied/g)).toHaveLength(3)
    expect(runner).toMatch(/^runner\.sock$/m)
    expect(await dial()).toBe('dialled')
  })

  attempt('a link in place of the socket, to the socket of the engine', async () => {
    for (const target of [
      '/var/run/docker.sock',
      '/run/docker.sock',
      '../../../../../../../../../../run/docker.sock',
    ]) {
      expect(await dialInstead(`ln -s ${target} bridge.sock`)).toContain('it is a symbolic link')
    }
    expect(await dialInstead('mkfifo bridge.sock')).toContain('it is not a socket')
    expect(await dialInstead('mkdir bridge.sock')).toContain('it is not a socket')
    expect(await dialInstead('echo > bridge.sock')).toContain('it is not a socket')
    expect(await dial()).toBe('dialled')
  })

  attempt("a link in place of the socket, to another agent's socket", async () => {
    const other = await sandboxOf(neighbour)
    const target = path.join(other.folder, 'bridge.sock')
    expect((await stat(target)).isSocket()).toBe(true)
    for (const link of [target, `../${other.labels.incarnation}/bridge.sock`]) {
      expect(await dialInstead(`ln -s ${link} bridge.sock`)).toContain('it is a symbolic link')
    }
    // Another's folder is not there inside.
    expect(await sh(`ls /run/berth-bridge/.. ${target}`)).toContain('No such file or directory')
  })

  attempt("another process' socket in place of the bridge's", async () => {
    const listen = `python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('bridge.sock')"`
    expect(await dialInstead(listen, '1000:1000')).toContain("it belongs to uid 1000, not to the bridge's 990")
    expect(await dial()).toBe('dialled')
  })

  attempt('event types that only the control plane writes', async () => {
    const { n } = await rig.parts.stores.agents.journalPosition(agent.id)
    const at = new Date().toISOString()
    const deep = `{"n":0,"type":"text","runId":null,"at":"${at}","data":{"step":1,"messageId":"m","text":"x","deep":${'['.repeat(2_000)}${']'.repeat(2_000)}}}`
    const forged = [
      ...controlEventTypes
        .filter((type) => type !== 'status')
        .map((type) => ({ type, data: { model: 'x', costUsd: -5 } })),
      { type: 'status', data: { status: 'READY' } },
      { type: '__proto__', data: {} },
      { type: 'unheard_of', data: {} },
      { type: 'commit', data: { sha: 7 } },
      { type: 'text', data: { step: 1, messageId: 'm', text: 'x'.repeat(300 * 1024) } },
    ]
    const lines = forged.map(({ type, data }, index) =>
      JSON.stringify({ n: n + 1 + index, type, runId: agent.runId, at, data }),
    )
    lines.push(deep.replace('"n":0', `"n":${n + 1 + forged.length}`))
    const parts = lines.join('\n').match(/[\s\S]{1,60000}/g) ?? []
    for (const part of parts) await sh(`printf %s '${part}' >> /state/journal.ndjson`, BRIDGE_USER)
    await sh('echo >> /state/journal.ndjson; pkill -9 -f bridge.cjs', BRIDGE_USER)
    // Started again at once, or with the next instruction: when depends on who saw the end first.
    await agent.until(
      'its end',
      ({ type, data }) =>
        data.code === 'event_rejected' || (type === 'status' && /IDLE|FAILED/.test(String(data.status))),
    )
    expect((await work(agent, 'Go on.')).reason).toBe('completed')
    const events = await rig.api.listEvents(agent.id)
    const rejected = events.filter(({ type, data }) => type === 'error' && data.code === 'event_rejected')
    const types = rejected.map(({ data }) => (data.detail as { type?: string }).type)
    expect(types).toEqual([...forged.map(({ type }) => type), 'text'])
    expect(events.filter(({ type, data }) => type === 'usage' && Number(data.costUsd) < 0)).toEqual([])
    expect((await rig.api.getAgent(agent.id)).costUsd).toBeGreaterThan(0)
  })

  attempt(
    'a flood of entries in its log',
    async () => {
      const { n } = await rig.parts.stores.agents.journalPosition(agent.id)
      const last = n + FLOOD_ENTRIES
      const entry = `{"n": n, "type": "text", "runId": None, "at": "${new Date().toISOString()}", "data": {"step": 1, "messageId": f"flood-{n}", "text": "x"}}`
      const write = `import json
with open("/state/journal.ndjson", "a") as journal:
    for n in range(${n + 1}, ${last + 1}): journal.write(json.dumps(${entry}) + "\\n")`
      expect(await python(write, BRIDGE_USER)).toBe('')
      await sh('pkill -9 -f bridge.cjs', BRIDGE_USER)
      const { id } = await resume(agent, 'Go on.')
      await agent.until('that it is slowed', ({ data }) => data.code === 'event_flood')
      // While most of it waits, another agent works as always.
      expect((await work(neighbour, 'Go on.')).reason).toBe('completed')
      expect((await rig.parts.stores.agents.journalPosition(agent.id)).n).toBeLessThan(last)
      expect((await agent.untilRunIsOver(id)).data.reason).toBe('completed')
      const events = await rig.api.listEvents(agent.id)
      expect(events.filter(({ data }) => String(data.messageId).startsWith('flood-'))).toHaveLength(FLOOD_ENTRIES)
      expect(events.filter(({ data }) => data.code === 'event_flood')).toHaveLength(1)
    },
    120_000,
  )

  attempt('model.berth, forge.berth and people.berth through the proxy', async () => {
    const chats = () => rig.model.requests.filter(({ path: route }) => route.endsWith('/chat/completions')).length
    const before = chats()
    for (const name of ['model', 'forge', 'people']) {
      const answer = await sh(`curl -sS -w '%{http_code}\\n' -d '{}' http://${name}.berth/x`)
      expect(answer).toMatch(new RegExp(`${name}\\.berth is not for programs in the sandbox.*403`, 's'))
    }
    const others = ['https://model.berth/', 'http://MODEL.BERTH/', 'http://model.berth./', 'http://model.berth:443/']
    for (const url of others) expect(await sh(`curl -sS -o /dev/null -w '%{http_code}' ${url}`)).toMatch(/403|421|000/)
    const spoofed = `curl -sS -o /dev/null -w '%{http_code}' -H 'host: model.berth' -H 'x-berth-run: ${agent.runId}' -d '{}' http://git.berth/api/v1/chat/completions`
    expect(await sh(spoofed)).toMatch(/^4\d\d$/)
    expect(chats()).toBe(before)
    expect(rig.forge.requests.filter(({ method, path: route }) => method === 'POST' && /pulls/.test(route))).toEqual([])
  })

  attempt(
    'a runner that lies to the bridge: nonsense, floods, answers to nothing',
    async () => {
      const since = await startedAt(agent)
      const { id } = await resume(agent, 'Believe the liar.')
      await untilCalled('until test -e', id)
      const liar = await startLiar([])
      expect((await agent.untilRunIsOver(id)).data.reason).toBe('completed')
      await liar.ended
      const log = await sh('cat /home/agent/liar.log')
      expect(log.match(/: cut off$/gm)).toHaveLength(11)
      expect(agent.result('alive-19').output).toMatch(/^Exit code 0 .*alive 19/s)
      const lost = ALIVE.map(({ id = '' }) => agent.result(id)).filter(({ outcome }) => outcome === 'error')
      expect(lost.length).toBeGreaterThanOrEqual(3)
      for (const { output } of lost) expect(output).toContain('went away during run')
      expect(await startedAt(agent)).toBe(since)
      expect(agent.events.filter(({ type, data }) => type === 'usage' && data.costUsd === 0)).toEqual([])
    },
    120_000,
  )

  attempt('a runner that never answers', async () => {
    const { id } = await resume(agent, 'Wait for the liar.')
    await untilCalled('until test -e', id)
    const liar = await startLiar(['silence until it is cut off'])
    await expect.poll(() => sh('cat /home/agent/liar.log'), SLOW).toContain('silence until it is cut off: asked')
    await rig.api.cancelAgent(agent.id)
    expect((await agent.untilRunIsOver(id)).data.reason).toBe('cancelled')
    await liar.ended
    // With the workspace out of reach the sandbox may be given up; the next instruction has one that works.
    expect((await work(agent, 'Watch files.')).reason).toBe('completed')
  })

  attempt('capabilities, namespaces, setuid programs', async () => {
    const status = await sh('id -u; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status')
    expect(status).toMatch(/^1000$/m)
    expect(status.match(/^Cap\w+:\s+0{16}$/gm)).toHaveLength(5)
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(status).toMatch(/^Seccomp:\s+2$/m)
    for (const kind of ['user', 'net', 'mount', 'pid', 'ipc', 'uts', 'cgroup', 'map-root-user']) {
      expect(await sh(`unshare --${kind} true`), kind).toContain('unshare failed: Operation not permitted')
    }
    const others = await sh(
      'mount -t tmpfs none /tmp; mknod /tmp/kmem c 1 2; chroot / true; nsenter -t 1 -m true; ip link; reboot -f; hostname x; dmesg',
    )
    expect(others).not.toMatch(/^\s*$/)
    expect(await sh('hostname; ls /tmp/kmem')).toMatch(/^agent\n.*No such file/s)
    expect(await sh('find / -xdev -perm /6000 -type f 2>/dev/null')).toBe('')
    const own = 'cp /usr/bin/id /home/agent/id; chmod 6755 /home/agent/id; /home/agent/id'
    expect(await sh(`${own}; rm /home/agent/id`)).toMatch(/^uid=1000\(agent\) gid=1000\(agent\) groups=1000\(agent\)$/m)
    const ofTheBridge = 'cp /usr/bin/id /workspace/id; chmod 4755 /workspace/id; /workspace/id; rm -f /workspace/id'
    expect(await sh(ofTheBridge, BRIDGE_USER)).not.toContain('euid')
    const taken = 'cp /usr/bin/id /home/agent/id; chmod 4755 /home/agent/id'
    await sh(taken)
    // A setuid file of the agent's, run by the bridge's user, stays the bridge's: no_new_privs.
    expect(await sh('/home/agent/id', BRIDGE_USER)).not.toContain('1000')
    await sh('rm /home/agent/id')
    expect(await sh('ulimit -c; ulimit -Hc')).toBe('0\n0\n')
  })

  attempt('setuid files in the mounted folder', async () => {
    const { folder } = await sandboxOf(agent)
    if (process.getuid?.() === 0) {
      expect(await sh('cp /usr/bin/id /run/berth-bridge/agents')).toContain('Permission denied')
    }
    await sh('cp /usr/bin/id /run/berth-bridge/id; chmod 6777 /run/berth-bridge/id', BRIDGE_USER)
    const file = path.join(folder, 'id')
    expect(((await stat(file)).mode & 0o7777).toString(8)).toBe('6777')
    // Only the folder above stands between it and the host's other users: every other door is opened for this look.
    const sockets = path.dirname(folder)
    expect((await stat(sockets)).mode & 0o777).toBe(0o700)
    if (process.getuid?.() !== 0) {
      // Nobody else can be tried as.
      await sh('rm -f /run/berth-bridge/id', BRIDGE_USER)
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
      await sh('rm -f /run/berth-bridge/id', BRIDGE_USER)
    }
  })

  attempt('keys and tokens, anywhere it can read and in its own bridge', async () => {
    const { labels } = await sandboxOf(agent)
    const token = bridgeToken(rig.parts.settings.secretKey ?? '', agent.id, labels.incarnation)
    const everything = await sh(
      `env; cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -v grep; cat ~/.gitconfig /etc/gitconfig /workspace/.git/config ~/.npmrc`,
    )
    expect(everything).toContain('HOME=/home/agent')
    expect([...secrets, token].filter((secret) => everything.includes(secret))).toEqual([])
    const patterns = [...secrets, token].map((secret) => `-e ${secret}`).join(' ')
    const files = await sh(`grep -rlF ${patterns} / --exclude-dir=proc --exclude-dir=sys 2>/dev/null; echo searched`)
    expect(files).toBe('searched\n')
    // What the bridge's user could read, were the bridge taken over: its own token and nothing else.
    const encoded = [...secrets, labels.incarnation].map((secret) => Buffer.from(secret).toString('base64'))
    const memory = await python(
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
    expect(await sh('cat /state/* /proc/self/environ | tr "\\0" "\\n"', BRIDGE_USER)).not.toMatch(
      new RegExp(secrets.join('|')),
    )
  })

  attempt('a network interface of its own', async () => {
    expect(await sh('ls /sys/class/net; cat /proc/net/dev | tail -n +3 | wc -l; cat /proc/net/route | wc -l')).toBe(
      'lo\n1\n1\n',
    )
    expect(await sh(`curl --noproxy '*' -sS --max-time 5 http://192.0.2.1/; echo $?`)).toMatch(/\n7\n$/)
    expect(await python('import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, 1)')).toContain(
      'PermissionError',
    )
    expect(await python('import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)')).toContain('PermissionError')
    expect(await sh('getent hosts example.com || echo none')).toBe('none\n')
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
        const tried = await python(`import socket\nsocket.socket(socket.AF_UNIX).connect("\\0${one}")`)
        expect(tried).toContain('ConnectionRefusedError')
      }
      expect(await sh('cat /proc/net/unix')).not.toContain(name)
    } finally {
      await neighbour.sh('pkill -f berth-boundary')
      await served
      await new Promise((resolve) => host.close(resolve))
    }
  })

  attempt('the programs of Berth and the system, overwritten', async () => {
    const tried = await sh(
      'echo x > /opt/berth/bridge.cjs; rm -f /opt/berth/bin/node; mv /opt/berth /opt/x; touch /etc/x /usr/bin/x /x; echo x > /etc/passwd; echo x > /opt/berth/compile-cache/x; mkdir /opt/berth/compile-cache/y; ln -s x /opt/berth/shims/x',
    )
    expect(tried.match(/Read-only file system|Permission denied/g)).toHaveLength(10)
    const system = await sh(
      'for f in kernel/core_pattern kernel/hostname vm/overcommit_memory net/ipv4/ip_forward fs/inotify/max_user_watches; do echo 1 > /proc/sys/$f; done; echo c > /proc/sysrq-trigger; mkdir /sys/fs/cgroup/memory/x /sys/fs/cgroup/x; echo 1 > /sys/fs/cgroup/cgroup.procs; ls /proc/kcore /proc/scsi /sys/firmware/efi 2>/dev/null',
    )
    expect(system.match(/Read-only file system|Permission denied|No such file/g)?.length).toBeGreaterThanOrEqual(9)
    const ofTheBridge = await sh(
      'touch /opt/berth/bridge.cjs; echo x > /opt/berth/compile-cache/x; touch /etc/x',
      BRIDGE_USER,
    )
    expect(ofTheBridge.match(/Read-only file system|Permission denied/g)).toHaveLength(3)
  })

  attempt('kill -9 -1', async () => {
    const since = await startedAt(agent)
    expect((await work(agent, 'Kill everything.')).reason).toBe('completed')
    expect(agent.result('environment').output).toMatch(/^HOME=\/home\/agent$/m)
    expect(agent.result('environment').output).not.toMatch(/BERTH_TOKEN/)
    expect(agent.result('kill').outcome).toBe('error')
    expect(agent.result('after').output).toMatch(/^Exit code 0 .*written before\n1$/s)
    expect(await startedAt(agent)).toBe(since)
    expect(rig.model.unscripted).toEqual([])
  })

  attempt('all inotify instances, while another agent works', async () => {
    const hold = `import ctypes, time
libc = ctypes.CDLL(None)
count = 0
while libc.inotify_init() >= 0: count += 1
open("/home/agent/held", "w").write(str(count))
time.sleep(600)`
    await sh(`rm -f /home/agent/held; setsid python3 -c '${hold}' > /dev/null 2>&1 < /dev/null &`)
    try {
      await expect.poll(() => sh('cat /home/agent/held'), SLOW).toMatch(/^\d+$/)
      await works(neighbour)
      // Its own bridge does not need any either.
      expect((await work(agent, 'Watch files.')).reason).toBe('completed')
      expect(agent.result('watched').output).toContain('worked')
      expect((await work(neighbour, 'Watch files.')).reason).toBe('completed')
    } finally {
      await sh('pkill -9 -f inotify_init')
    }
  })

  attempt('all process ids, while another agent works', async () => {
    // As far as can be from anything that the runner could find again: no mark, a session of its own. A shell would give up in time.
    await sh(`env -i setsid python3 -c '${HOLD_PROCESS_IDS}' > /dev/null 2>&1 < /dev/null &`)
    // A fork of its own: what the engine itself starts is not always counted.
    const canStart = async (of: BoundaryAgent) =>
      (await of.sh('exec dash -c "(:); :"').catch(() => ({ exitCode: 126 }))).exitCode === 0
    await expect.poll(() => canStart(agent), SLOW).toBe(false)
    await works(neighbour)
    // Its own next run cannot begin, and says why; what stands in the way goes with the container.
    const { id } = await resume(agent, 'Watch files.')
    const end = await agent.untilRunIsOver(id)
    expect(end.data).toMatchObject({ reason: 'failed', message: expect.stringContaining('as many processes') })
    expect((await work(agent, 'Watch files.')).reason).toBe('completed')
    expect(await canStart(agent)).toBe(true)
  })

  attempt('a fork bomb in a run: ended with its command or the run, and nothing of it left', async () => {
    const since = await startedAt(agent)
    const count = async () => Number((await agent.sh('pgrep -c -u 1000').catch(() => ({ output: '' }))).output) || 512
    expect((await work(agent, 'Multiply.')).reason).toBe('completed')
    expect(agent.result('bomb').output).toContain('Resource temporarily unavailable')
    await expect.poll(count, SLOW).toBeLessThan(5)
    const { id } = await resume(agent, 'Multiply, and wait.')
    await expect.poll(count, SLOW).toBeGreaterThan(400)
    await works(neighbour)
    await rig.api.cancelAgent(agent.id)
    expect((await agent.untilRunIsOver(id)).data.reason).toBe('cancelled')
    await expect.poll(count, SLOW).toBeLessThan(5)
    expect(await startedAt(agent)).toBe(since)
    expect((await work(agent, 'Watch files.')).reason).toBe('completed')
  })

  attempt('all memory, while another agent works', async () => {
    const since = [await startedAt(agent), await startedAt(neighbour)]
    const eaten = agent.sh(`python3 -c 'x = []\nwhile True: x.append(bytearray(50_000_000))'; echo "exit $?"`)
    await works(neighbour)
    expect((await eaten).output).toContain('exit 137')
    expect([await startedAt(agent), await startedAt(neighbour)]).toEqual(since)
  })

  attempt(
    'all memory in small pieces: the bridge is not what ends',
    async () => {
      const since = await startedAt(agent)
      const done = await work(agent, 'Eat in small pieces.')
      expect(done.reason).toBe('completed')
      expect(agent.result('eat').output).toContain('Killed')
      expect(agent.result('eaten').output).toContain('still here')
      expect(await startedAt(agent)).toBe(since)
    },
    120_000,
  )

  attempt('all of /tmp and shared memory, while another agent works', async () => {
    const filled = await sh(
      'head -c 2G /dev/zero > /tmp/full; head -c 1G /dev/zero > /dev/shm/full; head -c 10M /dev/zero > /run/berth/x; ls -l /tmp/full /dev/shm/full',
    )
    expect(filled.match(/No space left on device/g)).toHaveLength(2)
    await works(neighbour)
    await sh('rm /tmp/full /dev/shm/full')
    expect((await work(agent, 'Watch files.')).reason).toBe('completed')
  })

  attempt('apt, sudo and docker: told what to do instead', async () => {
    expect(await sh('apt install jq')).toContain('Install into your home instead: pip install')
    expect(await sh('sudo id')).toContain('Run the command without sudo.')
    expect(await sh('docker ps')).toContain('Run the program directly instead')
  })

  attempt('docker inspect: no network, no capability, no key', async () => {
    const shown = await rig.engine.inspect(agent.id)
    const { labels, folder } = await sandboxOf(agent)
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

/**
 * Puts the liar into the sandbox and lets it begin; what it says is in its log. An exec of its own: what a command had left behind
 * would end with the next runner's start.
 */
async function startLiar(lies: string[]): Promise<{ ended: Promise<unknown> }> {
  const program = await readFile(path.join(import.meta.dirname, 'programs/lying-runner.cjs'), 'utf8')
  await sh(`rm -f ~/liar.log; cat > ~/liar.cjs <<'PROGRAM'\n${program}\nPROGRAM`)
  const names = lies.map((lie) => `'${lie}'`).join(' ')
  return { ended: sh(`exec node ~/liar.cjs ${names} > ~/liar.log 2>&1`) }
}
