/** From POST /cancel, in the middle of a command, until the run's `done` is stored and shown; nothing of the command may be left. */
import { type BenchAgent, type Rig, withAgent } from '../bench-agent.ts'
import { type EngineFigures, openEngineFigures } from '../engine-figures.ts'
import type { Goal, Measurement } from '../measurement.ts'
import { WAITING_COMMAND, WAITING_MARK, type WaitingChildren } from '../task.ts'

const WITHIN_A_SECOND: Goal = { statistic: 'p99', bound: 'under', value: 1_000 }

/** Each kind with the rows that its samples are shown in: the first is held to two goals. */
const KINDS: { children: WaitingChildren; rows: Omit<Measurement, 'samples' | 'unit'>[] }[] = [
  {
    children: 'heeding',
    rows: [
      { name: 'cancel', what: 'cancel during a command', goal: { statistic: 'p50', bound: 'under', value: 40 } },
      { name: 'cancel-slowest', what: 'the same, the slowest', goal: WITHIN_A_SECOND },
    ],
  },
  {
    children: 'stubborn',
    rows: [{ name: 'cancel-stubborn', what: 'cancel, children ignore TERM', goal: WITHIN_A_SECOND }],
  },
  {
    children: 'strayed',
    rows: [
      { name: 'cancel-strayed', what: 'cancel, children left their group and ignore TERM', goal: WITHIN_A_SECOND },
    ],
  },
]

export async function benchCancel(rig: Rig, repeat: number): Promise<Measurement[]> {
  const measurements: Measurement[] = []
  for (const { children, rows } of KINDS) {
    const samples = await measureCancels(rig, { children, repeat })
    measurements.push(...rows.map((row): Measurement => ({ ...row, unit: 'ms', samples })))
  }
  return measurements
}

async function measureCancels(rig: Rig, options: { children: WaitingChildren; repeat: number }): Promise<number[]> {
  const { children, repeat } = options
  const figures = openEngineFigures(rig.installation.parts.settings.dockerHost)
  return withAgent(rig, { play: { kind: 'wait', children }, watched: true }, async (agent) => {
    const taken: number[] = []
    // The first one also loads the route and is not counted.
    for (let count = 0; count <= repeat; count += 1) {
      agent.watch.forget()
      await (count === 0 ? agent.start() : agent.resume())
      await agent.watch.until(
        ({ type, data }) => type === 'tool_output_delta' && String(data.delta).includes(WAITING_MARK),
      )
      const sentAtMs = await agent.cancel()
      const { event, atMs } = await agent.watch.until(({ type }) => type === 'done')
      if (event.data.reason !== 'cancelled') throw new Error(`The cancelled run ended with ${event.data.reason}.`)
      if (count > 0) taken.push(atMs - sentAtMs)
      await agent.untilReady()
      await assertNothingIsLeft({ figures, agent, signal: rig.signal })
    }
    return taken
  })
}

async function assertNothingIsLeft(input: {
  figures: EngineFigures
  agent: BenchAgent
  signal: AbortSignal
}): Promise<void> {
  const { figures, agent, signal } = input
  const processes = await figures.processes(await agent.engineId(), signal)
  const left = processes.filter((command) => command.includes(WAITING_COMMAND))
  if (left.length > 0) throw new Error(`The cancelled command left ${left.join(', ')}.`)
}
