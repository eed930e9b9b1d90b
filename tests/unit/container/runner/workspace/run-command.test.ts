import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandRequest } from '../../../../../container/bridge/workspace-port.ts'
import { makeTestWorkspace, type TestWorkspace } from '../../../../support/local-workspace.ts'

let test: TestWorkspace
/** In the environment of every command of a test, so that what it leaves can be found. */
let trace: string
beforeEach(async () => {
  test = await makeTestWorkspace()
  trace = randomBytes(8).toString('hex')
})
afterEach(() => {
  expect(findTraced()).toEqual([])
  test.remove()
})

function findTraced(): string[] {
  const alive = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid))
  return alive.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(trace)
    } catch {
      // The process has ended between the two looks.
      return false
    }
  })
}

interface Given extends Partial<CommandRequest> {
  signal?: AbortSignal
  onOutput?: (chunk: string) => void
}

const run = (command: string | string[], { signal, onOutput, ...request }: Given = {}) =>
  test.workspace.run(
    {
      command: typeof command === 'string' ? { line: command } : { argv: command },
      timeoutMs: 10_000,
      maxOutputChars: 30_000,
      ...request,
      env: { TRACE: trace, ...request.env },
    },
    { ...(signal && { signal }), ...(onOutput && { onOutput }) },
  )

/** Aborts as soon as the command has printed `word`. */
function cancelOn(word: string): { signal: AbortSignal; onOutput(chunk: string): void; atMs(): number } {
  const stop = new AbortController()
  let seen = ''
  let at = 0
  return {
    signal: stop.signal,
    onOutput(chunk) {
      seen += chunk
      if (!seen.includes(word) || stop.signal.aborted) return
      at = performance.now()
      stop.abort()
    },
    atMs: () => at,
  }
}

describe('a command', () => {
  it('gives its exit code and its output, both streams in the order they were written', async () => {
    const result = await run('echo one; echo two >&2; echo three; exit 3')
    expect(result).toMatchObject({
      exitCode: 3,
      signal: null,
      timedOut: false,
      cancelled: false,
      output: 'one\ntwo\nthree\n',
      truncated: false,
      outputPath: null,
    })
  })

  it('is ended before its supervisors when memory runs out', async () => {
    expect((await run('cat /proc/self/oom_score_adj')).output).toBe('500\n')
    expect((await run(['cat', '/proc/self/oom_score_adj'])).output).toBe('500\n')
  })

  it('as an argument list reaches no shell', async () => {
    const result = await run(['printf', '%s|', '$HOME; echo x', '-n', '', "it's"])
    expect(result.output).toBe("$HOME; echo x|-n||it's|")
  })

  it('runs in the workspace or in the folder it asks for, nowhere else', async () => {
    test.write('sub/a', '')
    expect((await run('pwd')).output).toBe(`${test.root}\n`)
    expect((await run('pwd', { cwd: 'sub' })).output).toBe(`${test.root}/sub\n`)
    await expect(run('pwd', { cwd: '/etc' })).rejects.toMatchObject({ code: 'outside_workspace' })
    await expect(run('pwd', { cwd: 'none' })).rejects.toMatchObject({ code: 'not_found' })
    await expect(run('pwd', { cwd: 'sub/a' })).rejects.toMatchObject({ code: 'not_a_directory' })
  })

  it('gets no variable of Berth but its mark, and no colour, pager or prompt', async () => {
    process.env.BERTH_TEST_SECRET = 'secret'
    const own = await makeTestWorkspace()
    delete process.env.BERTH_TEST_SECRET
    const request = { command: { argv: ['env'] }, timeoutMs: 5_000, maxOutputChars: 30_000, env: { ADDED: 'yes' } }
    const { output } = await own.workspace.run(request)
    own.remove()
    const names = output.split('\n').map((line) => line.split('=')[0] ?? '')
    expect(names.filter((name) => name.startsWith('BERTH_'))).toEqual(['BERTH_COMMAND'])
    for (const line of [
      'NO_COLOR=1',
      'TERM=dumb',
      'GIT_PAGER=cat',
      'PAGER=cat',
      'CI=1',
      'GIT_TERMINAL_PROMPT=0',
      'ADDED=yes',
    ]) {
      expect(output.split('\n')).toContain(line)
    }
  })

  it('finds its input closed, or what it was given', async () => {
    expect((await run('cat; echo end')).output).toBe('end\n')
    expect((await run(['cat'], { input: 'given' })).output).toBe('given')
    expect((await run('true', { input: 'x'.repeat(1_000_000) })).exitCode).toBe(0)
  })

  it('that cannot be started is a result with words: 127 when it is not there, 126 when it may not run', async () => {
    test.write('plain.txt', 'x')
    const missing = await run(['no-such-program'])
    expect(missing).toMatchObject({ exitCode: 127, output: expect.stringContaining('no-such-program') })
    const plain = await run(['./plain.txt'])
    expect(plain).toMatchObject({ exitCode: 126, output: expect.stringMatching(/denied/i) })
    const huge = await run(['echo', 'x'.repeat(3_000_000)])
    expect(huge).toMatchObject({ exitCode: 126, output: expect.stringContaining('too long') })
    const impossible = await run(['echo', 'a\0b'])
    expect(impossible.exitCode).toBe(126)
  })

  it('that a signal ends has its name and no exit code', async () => {
    expect(await run('kill -SEGV $$')).toMatchObject({ exitCode: null, signal: 'SIGSEGV' })
  })
})

describe('output', () => {
  it('streams as it comes', async () => {
    const cancel = cancelOn('first')
    const result = await run('echo first; exec sleep 60', cancel)
    expect(result).toMatchObject({ cancelled: true, output: 'first\n' })
  })

  it('keeps head and tail when it is long, says what was cut, and leaves the whole in a file', async () => {
    const result = await run('seq 1 20000', { maxOutputChars: 1_000 })
    const whole = Array.from({ length: 20_000 }, (_, index) => `${index + 1}\n`).join('')
    expect(result.truncated).toBe(true)
    expect(result.outputPath).toMatch(new RegExp(`^${test.outputDirectory}/outputs/command-`))
    expect(readFileSync(result.outputPath ?? '', 'utf8')).toBe(whole)
    expect(result.output).toBe(
      `${whole.slice(0, 500)}\n[${whole.length - 1_000} of ${whole.length} characters cut here; the whole output is in ` +
        `${result.outputPath}]\n${whole.slice(-500)}`,
    )
    const reread = await test.workspace.readFile(result.outputPath ?? '', { maxBytes: 1_000_000 })
    expect(reread.size).toBe(whole.length)
  })

  it('is not cut and makes no file when it just fits', async () => {
    const result = await run(['printf', 'x'.repeat(1_000)], { maxOutputChars: 1_000 })
    expect(result).toMatchObject({ output: 'x'.repeat(1_000), truncated: false, outputPath: null })
    expect(existsSync(path.join(test.outputDirectory, 'outputs'))).toBe(false)
  })

  it('joins characters that were cut in the middle and replaces bytes that are none', async () => {
    const program = `process.stdout.write(Buffer.from([0xe2, 0x82])); setTimeout(() => process.stdout.write(Buffer.from([0xac, 0xff, 0x0a])), 50)`
    expect((await run([process.execPath, '-e', program])).output).toBe('€\uFFFD\n')
  })
})

describe('time', () => {
  it('ends a command with all it started, and the result says so', async () => {
    const result = await run('echo begun; sleep 60 & sleep 60', { timeoutMs: 300 })
    expect(result).toMatchObject({ timedOut: true, cancelled: false, output: 'begun\n' })
    expect(result.durationMs).toBeLessThan(2_000)
  })

  it('gives a command the grace to clean up', async () => {
    const program = `process.on('SIGTERM', () => setTimeout(() => { console.log('cleaned'); process.exit(9) }, 300))
      console.log('begun'); setInterval(() => {}, 1000)`
    const result = await run([process.execPath, '-e', program], { timeoutMs: 500 })
    expect(result).toMatchObject({ timedOut: true, exitCode: 9, output: 'begun\ncleaned\n' })
  })
})

describe('cancelling', () => {
  it('ends the whole tree within 3 s: what ignores TERM, what left the group, and the children of what hid its mark', async () => {
    test.write(
      'tree.sh',
      `trap '' TERM
       setsid sh -c "trap '' TERM; while :; do sleep 1; done" &
       setsid sh -c "setsid sh -c \\"trap '' TERM; sleep 300 & wait\\" & wait" &
       env -u BERTH_COMMAND setsid sleep 300 &
       kill -STOP $! ; sleep 0.3; echo ready; wait`,
    )
    const cancel = cancelOn('ready')
    const result = await run(['bash', 'tree.sh'], cancel)
    expect(result.cancelled).toBe(true)
    expect(performance.now() - cancel.atMs()).toBeLessThan(3_000)
    expect(findTraced()).toEqual([])
  })

  it('before the start starts nothing', async () => {
    const result = await run('touch made', { signal: AbortSignal.abort() })
    expect(result.cancelled).toBe(true)
    expect(existsSync(path.join(test.root, 'made'))).toBe(false)
    // What cannot be started would say so if it were tried.
    expect(await run(['a\0b'], { signal: AbortSignal.abort() })).toMatchObject({
      cancelled: true,
      exitCode: null,
      output: '',
    })
  })
})

describe('what outlives its command', () => {
  it('is ended with it and named, also when it holds the output open', async () => {
    const result = await run('sleep 300 & echo done')
    expect(result.exitCode).toBe(0)
    expect(result.durationMs).toBeLessThan(3_000)
    expect(result.output).toMatch(
      /^done\n\[The command has ended; 1 process that it left in the background ended with it: sleep 300 \(pid \d+\)\]\n$/,
    )
  })

  it('is ended when it has left group, session and output', async () => {
    const result = await run('setsid nohup sleep 300 >/dev/null 2>&1 </dev/null & echo done')
    expect(result.output).toMatch(/sleep 300/)
  })

  it('is not spoken of when it ends by itself at once', async () => {
    expect((await run('(sleep 0.05; echo late) & echo done')).output).toBe('done\nlate\n')
  })
})
