import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createRunnerLink, type RunnerLink } from '../../../../../container/bridge/workspace/runner-link.ts'
import type { CommandRequest } from '../../../../../container/bridge/workspace-port.ts'
import { serveForEver } from '../../../../../container/runner/connect.ts'
import { type Clock, systemClock } from '../../../../../lib/clock.ts'
import { createLogger, silentLogger } from '../../../../../lib/logger.ts'
import { makeTestWorkspace, type TestWorkspace } from '../../../../support/local-workspace.ts'

const HELLO = '{"hello":{"protocol":1,"pid":1}}\n'

let test: TestWorkspace
let folder: string
let socketPath: string
let link: RunnerLink
let logLines: string[]
const endings: (() => Promise<void>)[] = []

beforeEach(async () => {
  test = await makeTestWorkspace()
  folder = mkdtempSync(path.join(os.tmpdir(), 'berth-link-'))
  socketPath = path.join(folder, 'runner.sock')
  logLines = []
  link = await openLink()
})
afterEach(async () => {
  await link.close()
  for (const end of endings.splice(0)) await end()
  test.remove()
  rmSync(folder, { recursive: true })
})

function openLink(options: { clock?: Clock; runnerWaitMs?: number } = {}): Promise<RunnerLink> {
  const logger = createLogger({ level: 'debug', write: (line) => logLines.push(line) })
  return createRunnerLink({ socketPath, proxyPort: 3128, logger, runnerWaitMs: 10_000, ...options })
}

const request = (line: string, more: Partial<CommandRequest> = {}): CommandRequest => ({
  command: { line },
  timeoutMs: 10_000,
  maxOutputChars: 30_000,
  ...more,
})

/** A runner in this process. */
function startRunner() {
  const stop = new AbortController()
  const { workspace } = test
  const done = serveForEver({ socketPath, workspace, logger: silentLogger, clock: systemClock, signal: stop.signal })
  const end = () => {
    stop.abort()
    return done
  }
  endings.push(end)
  return end
}

/** The real runner: a process of its own. */
function spawnRunner(env: Record<string, string | undefined> = {}): ChildProcess {
  const child = spawn(process.execPath, [path.resolve('container/runner/main.ts')], {
    env: {
      ...process.env,
      ...test.env,
      BERTH_RUNNER_SOCKET: socketPath,
      BERTH_WORKSPACE: test.root,
      BERTH_OUTPUT_DIRECTORY: test.outputDirectory,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  const exited = once(child, 'exit')
  endings.push(async () => {
    child.kill('SIGTERM')
    await exited
  })
  return child
}

/** Whoever else of the agent's user dials in. */
async function dialAsImposter(): Promise<Socket & { lines: string[]; hungUp: Promise<unknown> }> {
  const socket = createConnection(socketPath)
  const lines: string[] = []
  socket.on('data', (chunk) => lines.push(...chunk.toString().split('\n').filter(Boolean)))
  // The bridge may close while the imposter still writes.
  socket.on('error', () => {})
  const hungUp = new Promise((resolve) => socket.once('close', resolve))
  endings.push(async () => {
    socket.destroy()
    await hungUp
  })
  await once(socket, 'connect')
  return Object.assign(socket, { lines, hungUp })
}

/** Resolves with the next line that the imposter is sent. */
async function nextLine(socket: Socket & { lines: string[] }): Promise<Record<string, unknown>> {
  while (socket.lines.length === 0) await once(socket, 'data')
  return JSON.parse(socket.lines.shift() ?? '')
}

async function acceptedImposter() {
  const socket = await dialAsImposter()
  socket.write(HELLO)
  expect(await nextLine(socket)).toEqual({ hello: { protocol: 1, proxyPort: 3128 } })
  return socket
}

describe('over a real socket', () => {
  it('the workspace reads, writes, lists, suggests and runs, with errors by their code', async () => {
    startRunner()
    const { workspace } = link
    const bytes = Buffer.from([0, 255, 10, 13, 128])
    expect(await workspace.writeFile('a/b.bin', bytes, { expect: null })).toMatchObject({ created: true })
    const file = await workspace.readFile('a/b.bin', { maxBytes: 100 })
    expect(Buffer.from(file.bytes)).toEqual(bytes)
    expect(await workspace.stat('a/b.bin')).toMatchObject({ kind: 'file', size: 5 })
    expect(await workspace.stat('none')).toBeNull()
    expect((await workspace.list('a')).map((entry) => entry.path)).toEqual(['a/b.bin'])
    expect(await workspace.suggest('a/bb.bin', 3)).toEqual(['a/b.bin'])
    await expect(workspace.writeFile('a/b.bin', bytes, { expect: null })).rejects.toMatchObject({ code: 'conflict' })
    await expect(workspace.stat('../x')).rejects.toMatchObject({ name: 'WorkspaceError', code: 'outside_workspace' })
    expect(link.connected()).toBe(true)
  })

  it('commands are told where the proxy is, unless the environment of the sandbox says it itself', async () => {
    const none = { HTTP_PROXY: undefined, HTTPS_PROXY: undefined, http_proxy: undefined, https_proxy: undefined }
    spawnRunner({ ...none, https_proxy: 'http://other.example:1' })
    const { output } = await link.workspace.run(request('env | grep -i "^https\\?_proxy=" | LC_ALL=C sort'))
    expect(output.split('\n')).toEqual([
      'HTTPS_PROXY=http://127.0.0.1:3128',
      'HTTP_PROXY=http://127.0.0.1:3128',
      'http_proxy=http://127.0.0.1:3128',
      'https_proxy=http://other.example:1',
      '',
    ])
  })

  it('files up to 10 MiB cross whole, larger ones are refused', async () => {
    startRunner()
    const large = Buffer.alloc(10 * 1024 * 1024, 'ä')
    await link.workspace.writeFile('large', large)
    const file = await link.workspace.readFile('large', { maxBytes: 100 * 1024 * 1024 })
    expect(Buffer.from(file.bytes).equals(large)).toBe(true)
    await expect(link.workspace.writeFile('more', Buffer.alloc(large.length + 1))).rejects.toMatchObject({
      code: 'too_large',
    })
    test.write('huge', Buffer.alloc(large.length + 1))
    const read = link.workspace.readFile('huge', { maxBytes: 100 * 1024 * 1024 })
    await expect(read).rejects.toMatchObject({ code: 'too_large' })
  })

  it('what is too long for a line is refused on its own side, and the connection stays', async () => {
    startRunner()
    const input = 'x'.repeat(17 * 1024 * 1024)
    await expect(link.workspace.run(request('true', { input }))).rejects.toMatchObject({ code: 'too_large' })
    const long = link.workspace.run(request('head -c 17000000 /dev/zero | tr "\\0" x', { maxOutputChars: 20_000_000 }))
    await expect(long).rejects.toMatchObject({ code: 'too_large' })
    expect(await link.workspace.stat('.')).toMatchObject({ kind: 'directory' })
    expect(logLines.join('\n')).not.toContain('runner lost')
  })

  it('output streams while the command runs, and is the same as the result', async () => {
    startRunner()
    const stop = new AbortController()
    let live = ''
    const result = await link.workspace.run(request('echo one; echo two; exec sleep 60'), {
      signal: stop.signal,
      onOutput: (chunk) => {
        live += chunk
        if (live.includes('two')) stop.abort()
      },
    })
    expect(result).toMatchObject({ cancelled: true, output: 'one\ntwo\n' })
    expect(live).toBe('one\ntwo\n')
  })

  it('live output of a chatty command is bounded', async () => {
    startRunner()
    let live = 0
    const result = await link.workspace.run(request('seq 1 1000000'), { onOutput: (chunk) => (live += chunk.length) })
    expect(result.truncated).toBe(true)
    expect(live).toBeLessThan(1024 * 1024 + 100)
  })

  it('anyone may dial, so that the runner needs no rights', () => {
    expect(statSync(socketPath).mode & 0o777).toBe(0o666)
  })
})

describe('a runner that goes away', () => {
  it('rejects calls in flight with runner_lost, and the next call finds the runner that came after', async () => {
    const first = spawnRunner()
    const running = link.workspace.run(request('echo $$ > pid; sleep 300'), { onOutput: () => {} })
    const rejected = expect(running).rejects.toMatchObject({ code: 'runner_lost' })
    await waitForFile('pid')
    first.kill('SIGKILL')
    await rejected
    const second = spawnRunner()
    expect((await link.workspace.run(request('echo back'))).output).toBe('back\n')
    expect(second.exitCode).toBeNull()
    // The new runner has ended what the old one could not.
    const pid = readFileSync(path.join(test.root, 'pid'), 'utf8').trim()
    await waitUntilGone(Number(pid))
  })

  it('that a command killed is lost to that command only', async () => {
    const first = spawnRunner()
    await link.workspace.stat('.')
    await expect(link.workspace.run(request(`kill -9 ${first.pid}; sleep 300`))).rejects.toMatchObject({
      code: 'runner_lost',
    })
    expect(link.connected()).toBe(false)
    spawnRunner()
    expect((await link.workspace.run(request('echo back'))).output).toBe('back\n')
  })

  it('and does not come back rejects new calls after the wait, and says that they were not begun', async () => {
    link = await reopen({ runnerWaitMs: 200 })
    await expect(link.workspace.stat('.')).rejects.toThrow(
      'The process that works in the workspace is not running, and did not come back within 200 ms. stat was not begun.',
    )
    await expect(link.workspace.stat('.')).rejects.toMatchObject({ code: 'runner_lost' })
  })

  it('comes back by itself when the bridge was started again', async () => {
    startRunner()
    link = await reopen()
    expect((await link.workspace.run(request('echo one'))).output).toBe('one\n')
    link = await reopen()
    expect((await link.workspace.run(request('echo two'))).output).toBe('two\n')
  })

  it('ends the commands of a bridge that went away', async () => {
    startRunner()
    const running = link.workspace.run(request('echo $$ > pid; sleep 300'))
    const rejected = expect(running).rejects.toMatchObject({ code: 'runner_lost' })
    await waitForFile('pid')
    link = await reopen()
    await rejected
    const pid = readFileSync(path.join(test.root, 'pid'), 'utf8').trim()
    await waitUntilGone(Number(pid))
  })

  it('ends the wait of a call that is cancelled meanwhile', async () => {
    link = await reopen({ runnerWaitMs: 60_000 })
    const stop = new AbortController()
    const running = link.workspace.run(request('echo'), { signal: stop.signal })
    stop.abort()
    await expect(running).rejects.toMatchObject({ code: 'runner_lost' })
  })
})

describe('a peer that is no runner', () => {
  it('beside a living runner takes nothing from it', async () => {
    startRunner()
    await link.workspace.run(request('true'))
    const imposter = await dialAsImposter()
    imposter.write(HELLO)
    await imposter.hungUp
    expect(imposter.lines).toEqual([])
    expect((await link.workspace.run(request('echo still'))).output).toBe('still\n')
  })

  it('is asked nothing before its hello', async () => {
    link = await reopen({ runnerWaitMs: 200 })
    const imposter = await dialAsImposter()
    await expect(link.workspace.stat('.')).rejects.toMatchObject({ code: 'runner_lost' })
    expect(imposter.lines).toEqual([])
  })

  it.each([
    ['no JSON', 'hello?\n'],
    ['JSON that is no frame', '{"method":"run","params":{}}\n'],
    ['a request of its own', '{"id":1,"method":"stat","params":{"path":"."}}\n'],
    ['an answer to no call', '{"id":999,"result":null}\n'],
    ['another hello', HELLO],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x0a])],
  ])('that sends %s is hung up on, and the bridge goes on', async (_, sent) => {
    const imposter = await acceptedImposter()
    imposter.write(sent)
    await imposter.hungUp
    expect(link.connected()).toBe(false)
    startRunner()
    link = await reopen()
    expect(await link.workspace.stat('.')).toMatchObject({ kind: 'directory' })
  })

  it('that speaks another protocol is hung up on, and the log says why', async () => {
    const imposter = await dialAsImposter()
    imposter.write('{"hello":{"protocol":2,"pid":1}}\n')
    await imposter.hungUp
    expect(logLines.join('\n')).toContain('it speaks protocol 2, this bridge speaks 1')
  })

  it('that answers in another shape than agreed is hung up on, and the call rejects', async () => {
    const imposter = await acceptedImposter()
    const call = link.workspace.stat('a')
    const rejected = expect(call).rejects.toMatchObject({ code: 'runner_lost' })
    const { id } = await nextLine(imposter)
    imposter.write(`${JSON.stringify({ id, result: { path: 7 } })}\n`)
    await rejected
    await imposter.hungUp
  })

  it('that sends a line without end is hung up on at 16 MiB', async () => {
    const imposter = await acceptedImposter()
    const call = expect(link.workspace.stat('a')).rejects.toMatchObject({ code: 'runner_lost' })
    const { id } = await nextLine(imposter)
    imposter.write(`{"id":${id},"result":"`)
    const piece = Buffer.alloc(1024 * 1024, 'x')
    let sent = 0
    while (!imposter.destroyed && sent < 64) {
      sent += 1
      await new Promise((resolve) => imposter.write(piece, resolve))
    }
    await imposter.hungUp
    await call
    expect(sent).toBeLessThan(40)
    expect(logLines.join('\n')).toContain('it sent a line of more than 16777216 bytes')
  })

  it('that floods a call with output is hung up on', async () => {
    const imposter = await acceptedImposter()
    let live = 0
    const running = link.workspace.run(request('true'), { onOutput: (chunk) => (live += chunk.length) })
    const rejected = expect(running).rejects.toMatchObject({ code: 'runner_lost' })
    const { id } = await nextLine(imposter)
    const frame = `${JSON.stringify({ id, chunk: 'x'.repeat(100_000) })}\n`
    for (let sent = 0; sent < 100 && !imposter.destroyed; sent += 1) imposter.write(frame)
    await rejected
    expect(live).toBeLessThanOrEqual(2 * 1024 * 1024)
  })

  it('that never says hello, or never answers, is given up', async () => {
    const clock = makeManualClock()
    link = await reopen({ clock })
    const silent = await dialAsImposter()
    await clock.advanceWhenAsleep(5_000)
    await silent.hungUp

    const deaf = await acceptedImposter()
    const running = link.workspace.run(request('true', { timeoutMs: 1_000 }))
    const rejected = expect(running).rejects.toThrow(/did not answer run within 16000 ms/)
    await nextLine(deaf)
    await clock.advanceWhenAsleep(16_000)
    await rejected
    await deaf.hungUp
  })

  it('many of whom dial in at once are turned away at the door', async () => {
    const crowd = await Promise.all(Array.from({ length: 20 }, () => dialAsImposter()))
    const turnedAway = crowd.slice(8).map((imposter) => imposter.hungUp)
    await Promise.all(turnedAway)
    expect(crowd.filter((imposter) => !imposter.destroyed)).toHaveLength(8)
  })
})

async function reopen(options: { clock?: Clock; runnerWaitMs?: number } = {}): Promise<RunnerLink> {
  await link.close()
  return openLink(options)
}

/** The test's own time limit is the deadline. A zombie that nobody has buried yet is gone. */
async function waitUntilGone(pid: number): Promise<void> {
  const line = `while grep -q '^State:[[:space:]]*[^ZX]' /proc/${pid}/status 2>/dev/null; do sleep 0.02; done`
  expect(await link.workspace.run(request(line))).toMatchObject({ exitCode: 0, timedOut: false })
}

async function waitForFile(name: string): Promise<void> {
  await link.workspace.run(request(`until [ -s ${name} ]; do sleep 0.02; done`))
}

/** Sleepers wake when time is moved on to where they wanted to be. */
function makeManualClock(): Clock & { advanceWhenAsleep(ms: number): Promise<void> } {
  let nowMs = 0
  let sleepers: { untilMs: number; wake(): void }[] = []
  let changed = Promise.withResolvers<void>()
  return {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { untilMs: nowMs + ms, wake: resolve }
        sleepers.push(sleeper)
        signal?.addEventListener('abort', () => {
          sleepers = sleepers.filter((other) => other !== sleeper)
          reject(signal.reason)
        })
        changed.resolve()
        changed = Promise.withResolvers()
      }),
    async advanceWhenAsleep(ms) {
      while (!sleepers.some((sleeper) => sleeper.untilMs === nowMs + ms)) await changed.promise
      nowMs += ms
      const awake = sleepers.filter((sleeper) => sleeper.untilMs <= nowMs)
      sleepers = sleepers.filter((sleeper) => sleeper.untilMs > nowMs)
      for (const sleeper of awake) sleeper.wake()
    },
  }
}
