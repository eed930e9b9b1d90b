import { afterEach, describe, expect, it } from 'vitest'
import { WorkspaceError } from '../../../../../container/bridge/workspace-port.ts'
import { closeRigs, createRig, echo, plainTool, textWorkspace } from '../../../../support/executor-rig.ts'
import { testClock } from '../../../../support/test-clock.ts'

afterEach(closeRigs)

const limits = { maxSteps: 15, maxTokens: null, maxCostUsd: null, maxDurationMs: 3_600_000, maxDiskBytes: 1_000_000 }

/** A workspace in which `du` answers the sizes in turn, the last one from then on. */
function workspaceOf(...sizes: number[]) {
  const commands: string[][] = []
  const run = async ({ command }: { command: { argv: string[] } | { line: string } }) => {
    if ('argv' in command) commands.push(command.argv)
    const bytes = sizes.length > 1 ? sizes.shift() : sizes[0]
    const output = `${bytes}\t/workspace\n0\t/home/agent\n${bytes}\ttotal\n`
    const rest = { signal: null, timedOut: false, cancelled: false, durationMs: 1, truncated: false, outputPath: null }
    return { exitCode: 0, output, ...rest }
  }
  return { workspace: { ...textWorkspace(), run }, commands }
}

const call = { id: 'call_1', name: 'hang', args: { value: 'x' } }
/** Ends with the step it is in. */
const hang = plainTool(
  'hang',
  (_value, { signal }) =>
    new Promise((resolve) =>
      signal.addEventListener('abort', () => resolve({ output: 'ended', outcome: 'error' }), { once: true }),
    ),
)

describe('the disk limit of a run', () => {
  it('ends it in the middle of a command, with what to do', async () => {
    const { workspace, commands } = workspaceOf(10_000, 2_000_000)
    const rig = await createRig([{ calls: [call] }], { workspace, tools: [echo, hang] })
    const done = await rig.run({ limits })
    expect(done.data).toMatchObject({
      reason: 'disk_limit',
      message:
        'The files of this agent take 2 of 1 MB. Raise its diskBytes with PATCH, then resume the agent: with so many files the next run would end at once.',
    })
    expect(commands[0]).toEqual(expect.arrayContaining(['du', '/workspace', '/home/agent']))
  })

  it('outlives the runner that measures: the next one is asked', async () => {
    const { workspace } = workspaceOf(2_000_000)
    let lost = 0
    const rig = await createRig([{ calls: [call] }], {
      workspace: {
        ...workspace,
        run: async (request) => {
          lost += 1
          if (lost <= 2) throw new WorkspaceError('runner_lost', 'The runner went away.')
          return workspace.run(request)
        },
      },
      tools: [echo, hang],
    })
    expect((await rig.run({ limits })).data).toMatchObject({ reason: 'disk_limit' })
  })

  it('is said once not to hold while measuring takes too long, and is tried again after minutes', async () => {
    const clock = testClock(300_000)
    const { workspace } = workspaceOf(2_000_000)
    let late = 0
    const rig = await createRig([{ calls: [call] }], {
      workspace: {
        ...workspace,
        run: async (request) => {
          const result = await workspace.run(request)
          late += 1
          if (late > 2) return result
          clock.advance(request.timeoutMs)
          return { ...result, exitCode: null, output: '', timedOut: true }
        },
      },
      tools: [echo, hang],
      clock,
    })
    expect((await rig.run({ limits })).data).toMatchObject({ reason: 'disk_limit' })
    expect(rig.events().filter(({ type }) => type === 'error')).toMatchObject([
      {
        data: {
          code: 'disk_unmeasured',
          message:
            'The files of this agent could not be measured, so that its limit of 1 MB does not hold. Counting them took longer than 60 s. It is tried again; until then watch the disk, and stop the agent if it takes too much.',
        },
      },
    ])
    expect(clock.sleeps.filter((ms) => ms === 300_000)).toHaveLength(2)
  })

  it('is said not to hold where du gives no size', async () => {
    const { workspace } = workspaceOf(10)
    const run = async (request: { command: { argv: string[] } | { line: string } }) => ({
      ...(await workspace.run(request)),
      output: "du: unrecognized option '--summarize'\n",
    })
    const rig = await createRig([{ calls: [{ ...call, name: 'echo' }] }, { text: 'Done.' }], {
      workspace: { ...workspace, run },
    })
    await rig.run({ limits })
    expect(rig.events().find(({ type }) => type === 'error')?.data.message).toContain(
      `does not hold. du said "du: unrecognized option '--summarize'". It is tried`,
    )
  })

  it('is no longer measured once the run is ended, also while the measurement lasts', async () => {
    const measuring = Promise.withResolvers<AbortSignal | undefined>()
    const rig = await createRig([{ calls: [call] }], {
      workspace: {
        ...textWorkspace(),
        run: (_request, { signal } = {}) =>
          new Promise((_resolve, reject) => {
            signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
            measuring.resolve(signal)
          }),
      },
      tools: [echo, hang],
    })
    const ended = rig.run({ limits })
    const signal = await measuring.promise
    const cancelled = rig.executor.cancel('run_1')
    expect(signal?.aborted).toBe(true)
    await cancelled
    expect((await ended).data.reason).toBe('cancelled')
  })

  it('is told to the model at 80 %', async () => {
    const { workspace } = workspaceOf(900_000)
    const rig = await createRig([{ calls: [{ ...call, name: 'echo' }] }, { text: 'Done.' }], { workspace })
    const done = await rig.run({ limits })
    expect(done.data.reason).toBe('completed')
    expect(JSON.stringify(rig.model.requests.at(-1)?.body.messages)).toContain('MB on the disk are used')
  })

  it('is not measured where there is none', async () => {
    const { workspace, commands } = workspaceOf(10)
    const rig = await createRig([{ text: 'Done.' }], { workspace })
    await rig.run()
    expect(commands).toEqual([])
  })
})
