/** The setup script in a bridge: once for each script and clone, and in its last lines where it fails. */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SetupMessage } from '../../container/contract/bridge.ts'
import { type BridgeGitRig, startBridgeGitRig } from '../support/bridge-git-rig.ts'

let rig: BridgeGitRig

beforeEach(async () => {
  rig = await startBridgeGitRig()
})
afterEach(() => rig.close())

describe('the setup script', () => {
  const setup = async (script: string) => {
    const messages: SetupMessage[] = []
    for await (const message of rig.client.setup({ script, timeoutMs: 20_000 })) messages.push(message)
    return messages
  }

  it('runs once for each script, its output streamed', async () => {
    const script = 'echo one; echo x >> runs.txt'
    expect(await setup(script)).toEqual([
      { output: 'one\n' },
      { result: { ran: true, durationMs: expect.any(Number) } },
    ])
    expect((await setup(script)).at(-1)).toMatchObject({ result: { ran: false } })
    expect((await setup(`${script} `)).at(-1)).toMatchObject({ result: { ran: true } })
    expect(readFileSync(path.join(rig.test.root, 'runs.txt'), 'utf8')).toBe('x\nx\n')
  })

  it('runs again in a clone that was made anew, for what it installed went with the last one', async () => {
    const script = 'echo x >> installed.txt'
    await rig.mustClone()
    await setup(script)
    expect((await setup(script)).at(-1)).toMatchObject({ result: { ran: false } })
    for (const name of readdirSync(rig.test.root)) rmSync(path.join(rig.test.root, name), { recursive: true })
    await rig.mustClone()
    expect((await setup(script)).at(-1)).toMatchObject({ result: { ran: true } })
    expect(existsSync(path.join(rig.test.root, 'installed.txt'))).toBe(true)
  })

  it('that fails says so with its last lines, and is run again', async () => {
    const script = 'seq 1 60; exit 3'
    const last = (await setup(script)).at(-1)
    if (!last || !('error' in last)) throw new Error('the script did not fail')
    expect(last.error).toMatchObject({ code: 'start_failed', message: 'The setup script ended with exit code 3.' })
    expect(last.error.tail).toHaveLength(50)
    expect(last.error.tail.at(-1)).toBe('60')
    expect((await setup(script)).at(-1)).toHaveProperty('error')
  })
})
