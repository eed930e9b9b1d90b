import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../../..')
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-node24-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** `node scripts/with-node.mjs <a script of this text>`, and what the script says. */
async function start(text: string, ...args: string[]) {
  const script = path.join(folder, 'script.ts')
  await writeFile(script, text)
  const wrapper = spawn(process.execPath, [path.join(root, 'scripts/with-node.mjs'), script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  wrapper.stdout.on('data', (chunk) => {
    output += chunk
  })
  return { wrapper, output: () => output, ended: endOf(wrapper) }
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.once('close', (code) => resolve(code)))
}

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('scripts/with-node.mjs', () => {
  it('runs TypeScript on Node 24 with its arguments, its own words alone on standard output, and its exit code', async () => {
    const { output, ended } = await start(
      'const words: string[] = process.argv.slice(2)\nconsole.log(process.versions.node.split(".")[0], words.join("+"))\nprocess.exitCode = 3\n',
      'one two',
      'three',
    )
    expect(await ended).toBe(3)
    expect(output()).toMatch(/^2[4-9] one two\+three\n$/)
  })

  it('passes a signal on, and waits until the script has cleaned up', async () => {
    const { wrapper, output, ended } = await start(
      "process.on('SIGTERM', () => setTimeout(() => { console.log('cleaned up'); process.exit(0) }, 50))\nconsole.log('ready')\nsetInterval(() => {}, 1000)\n",
    )
    await expect.poll(output, { timeout: 10_000 }).toBe('ready\n')
    wrapper.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(output()).toBe('ready\ncleaned up\n')
  })

  it.each([
    ['the shell between', '; true'],
    ['no shell between', ''],
  ])('does not outlive npm that is killed, with %s', async (_name, after) => {
    const script = path.join(folder, 'script.ts')
    await writeFile(script, 'console.log(process.pid)\nsetInterval(() => {}, 1000)\n')
    const command = `${after === '' ? 'exec ' : ''}node ${path.join(root, 'scripts/with-node.mjs')} ${script}${after}`
    const npm = spawn('npm', ['exec', '--silent', '-c', command], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, npm_lifecycle_event: 'demo' },
    })
    let output = ''
    npm.stdout.on('data', (chunk) => {
      output += chunk
    })
    await expect.poll(() => output, { timeout: 15_000 }).toMatch(/^\d+\n$/)
    const pid = Number(output)
    npm.kill('SIGKILL')
    try {
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
  })

  it('does not outlive kill -9 of the wrapper', async () => {
    const { wrapper, output } = await start('console.log(process.pid)\nsetInterval(() => {}, 1000)\n')
    await expect.poll(output, { timeout: 10_000 }).toMatch(/^\d+\n$/)
    const pid = Number(output())
    expect(isAlive(pid)).toBe(true)
    wrapper.kill('SIGKILL')
    try {
      await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false)
    } finally {
      if (isAlive(pid)) process.kill(pid, 'SIGKILL')
    }
  })
})
