/**
 * What the agent's user can do to its own bridge: its process, its state, its socket, and what is dialled in the place of that.
 * Where a test says that it is the bridge's user, a bridge is played that was taken over.
 */
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect } from 'vitest'
import { type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { OWNS_SOCKET_FOLDER } from '../support/socket-folder.ts'
import { BRIDGE_USER, startTriedAgent, type TriedAgent } from '../support/tried-agent.ts'
import { describeBoundary } from './describe-boundary.ts'

const BRIDGE = 'curl -sS --unix-socket /run/berth-bridge/bridge.sock'

let rig: BoundaryRig
let agent: TriedAgent
let neighbour: TriedAgent

beforeAll(async () => {
  rig = await startBoundary()
  agent = await startTriedAgent(rig)
  neighbour = await startTriedAgent(rig)
})
afterAll(() => rig?.close())

/** Runs a line for each process of the bridge's user, in which `$p` is its number. */
const forEachBridge = (line: string) => agent.output(`for p in $(pgrep -u 990); do ${line}; done`)

async function dial(): Promise<string> {
  const { labels } = await agent.sandbox()
  const socket = await rig.parts.driver.dial(labels)
  socket.destroy()
  return 'dialled'
}

/** As the bridge's user puts something else in the place of the socket, looks whether it is dialled, and puts it back. */
async function dialInstead(replace: string, user = BRIDGE_USER): Promise<string> {
  await agent.output(
    'mv /run/berth-bridge/bridge.sock /run/berth-bridge/real; chmod 1777 /run/berth-bridge',
    BRIDGE_USER,
  )
  try {
    await agent.output(`cd /run/berth-bridge; ${replace}`, user)
    return await dial().catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
  } finally {
    await agent.output('cd /run/berth-bridge; rm -rf bridge.sock; mv real bridge.sock', user)
    await agent.output('cd /run/berth-bridge; test -e real && mv -f real bridge.sock', BRIDGE_USER)
  }
}

describeBoundary('sandbox', ({ attempt }) => {
  attempt("the bridge's memory", async () => {
    const read = await forEachBridge(
      'for f in mem maps smaps pagemap auxv stack syscall; do head -c 1 /proc/$p/$f; done',
    )
    expect(read.match(/Permission denied|Operation not permitted/g)?.length).toBeGreaterThanOrEqual(14)
    expect(read.replaceAll(/^.*(Permission denied|Operation not permitted)\n/gm, '')).toBe('')
    const calls = await agent.python(`
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
    const taken = await agent.python(`
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
    const handles = await agent.python(`
import os, signal, subprocess
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    try: signal.pidfd_send_signal(os.pidfd_open(pid), 9); print("sent")
    except PermissionError: print("denied")`)
    expect(handles).toMatch(/^(denied\n)+$/)
    expect(await agent.output('pkill -u 990; pgrep -c -u 990')).toMatch(/Operation not permitted[\s\S]*[2-9]\n$/)
  })

  attempt('tracing the bridge', async () => {
    const traced = await agent.python(`
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, subprocess.check_output(["pgrep", "-u", "990"]).split()):
    for request in [16, 0x4206]:
        print("ptrace", libc.ptrace(request, pid, 0, 0), ctypes.get_errno())`)
    expect(traced.trim().split('\n').length).toBeGreaterThanOrEqual(4)
    expect(new Set(traced.trim().split('\n'))).toEqual(new Set(['ptrace -1 1']))
  })

  attempt("the bridge's priority, limits and place in the queue for memory", async () => {
    const changed = await agent.python(`
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
    const state = await agent.output(
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
    const answers = await agent.output(
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
      const tried = await agent.output(
        'cd /run/berth-bridge; rm -f bridge.sock; mv bridge.sock x; ln -sf /dev/null bridge.sock; mv -f /tmp bridge.sock; chmod 0 bridge.sock; chmod 0 .; ls -l bridge.sock',
      )
      expect(tried.match(/Operation not permitted|Permission denied|cannot/g)?.length).toBeGreaterThanOrEqual(6)
      expect(tried).toMatch(/^srw\S+ 1 bridge bridge /m)
    }
    const runner = await agent.output('cd /run/berth; rm -f runner.sock; mv runner.sock x; touch x; ls')
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
    const other = await neighbour.sandbox()
    const target = path.join(other.folder, 'bridge.sock')
    expect((await stat(target)).isSocket()).toBe(true)
    for (const link of [target, `../${other.labels.incarnation}/bridge.sock`]) {
      expect(await dialInstead(`ln -s ${link} bridge.sock`)).toContain('it is a symbolic link')
    }
    // Another's folder is not there inside.
    expect(await agent.output(`ls /run/berth-bridge/.. ${target}`)).toContain('No such file or directory')
  })

  attempt("another process' socket in place of the bridge's", async () => {
    const listen = `python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('bridge.sock')"`
    expect(await dialInstead(listen, '1000:1000')).toContain("it belongs to uid 1000, not to the bridge's 990")
    expect(await dial()).toBe('dialled')
  })
})
