import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommand } from '../../../../../container/bridge/tools/run-command.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

describe('run_command', () => {
  it('takes a shell line or an argument list, and tells the exit code and the output', async () => {
    rig.write('sub/a', '')
    const line = await rig.call(runCommand, { command: 'echo "$((1 + 1))"; pwd', cwd: 'sub' })
    expect(line.output).toMatch(/^Exit code 0 after \d+\.\d s\.\n\n2\n.*\/workspace\/sub$/)
    expect(line).toMatchObject({
      outcome: 'ok',
      detail: { exitCode: 0, signal: null, truncated: false, timedOut: false, outputPath: null },
    })
    const list = await rig.call(runCommand, { command: ['printf', '%s', '$HOME'] })
    expect(list.output).toMatch(/\$HOME$/)
    expect((await rig.call(runCommand, { command: 'true' })).output).toMatch(/\(no output\)$/)
  })

  it('is an error when the command failed, with its code', async () => {
    const result = await rig.call(runCommand, { command: 'echo broken >&2; exit 7' })
    expect(result).toMatchObject({
      outcome: 'error',
      output: expect.stringMatching(/^Exit code 7 .*\n\nbroken$/),
      detail: { exitCode: 7 },
    })
    expect(rig.streamed()).toBe('broken\n')
  })

  it("ends at the agent's timeout, or at its own, and says so", async () => {
    rig.context.commandTimeoutMs = 200
    const standard = await rig.call(runCommand, { command: 'sleep 60' })
    expect(standard.output).toMatch(
      /^Timed out: after 0\.2 s the command and all that it started were ended\..*up to 600/,
    )
    expect(standard).toMatchObject({ outcome: 'error', detail: { timedOut: true } })
    const longer = await rig.call(runCommand, { command: 'sleep 0.4', timeout: 10 })
    expect(longer.outcome).toBe('ok')
    expect(runCommand.input.safeParse({ command: 'x', timeout: 601 }).success).toBe(false)
  })

  it('refuses by name what is not built yet', () => {
    const parsed = runCommand.input.safeParse({ command: 'x', background: true })
    expect(parsed.error?.issues[0]?.message).toContain('background')
  })

  it('says when it was cancelled', async () => {
    rig.context.signal = AbortSignal.abort()
    expect((await rig.call(runCommand, { command: 'true' })).output).toMatch(/^Cancelled after/)
  })

  it('answers a folder that is not there', async () => {
    expect(await rig.call(runCommand, { command: 'true', cwd: 'none' })).toMatchObject({
      outcome: 'error',
      output: 'The working directory none does not exist.',
    })
  })
})
