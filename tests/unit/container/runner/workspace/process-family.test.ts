import { type ChildProcess, spawn } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { COMMAND_MARK } from '../../../../../container/contract/runner.ts'
import {
  createProcessFamily,
  endOrphans,
  markPrefix,
} from '../../../../../container/runner/workspace/process-family.ts'
import { systemClock } from '../../../../../lib/clock.ts'
import { readStartTime } from '../../../../../lib/process-table.ts'

const children: ChildProcess[] = []

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await ended
  }
})

async function startMarked(mark: string): Promise<ChildProcess> {
  const child = spawn('sleep', ['60'], { env: { ...process.env, [COMMAND_MARK]: mark }, stdio: 'ignore' })
  children.push(child)
  await new Promise((resolve) => child.once('spawn', resolve))
  return child
}

const endOf = (child: ChildProcess) =>
  new Promise<string | null>((resolve) => child.once('exit', (_code, signal) => resolve(signal)))

describe('the family of a command', () => {
  it('is not settled while a younger process has no environment to read: it may be one that changes its program', async () => {
    const command = await startMarked('0-0-0.command')
    const groupId = Number(command.pid)
    const family = createProcessFamily({
      command: { groupId, mark: '0-0-0.command', startTime: readStartTime(groupId) },
      running: new Set(),
      isolated: false,
      clock: systemClock,
    })
    expect(family.look().settled).toBe(true)
    const bare = spawn('sleep', ['60'], { env: {} as NodeJS.ProcessEnv, stdio: 'ignore' })
    children.push(bare)
    await new Promise((resolve) => bare.once('spawn', resolve))
    expect(family.look().settled).toBe(false)
  })
})

describe('a new runner', () => {
  const here = readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')

  it('ends what a dead runner of its own process namespace left, and nothing else', async () => {
    // A container's processes are seen from outside, where their runner's number means another process or none.
    const elsewhere = await startMarked('4000000000-1-1.command')
    const ofThisRunner = await startMarked(`${markPrefix()}.command`)
    const left = await startMarked(`${here}-1-1.command`)
    const ended = endOf(left)
    endOrphans({ isolated: false })
    expect(await ended).toBe('SIGKILL')
    expect([elsewhere.signalCode, ofThisRunner.signalCode]).toEqual([null, null])
    expect([elsewhere, ofThisRunner].every((child) => child.kill(0))).toBe(true)
  })
})
