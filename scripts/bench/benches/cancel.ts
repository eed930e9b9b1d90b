/** From POST /cancel, in the middle of a command, until the run's `done` is stored and shown. */
import { type Rig, withAgent } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'
import { WAITING_MARK } from '../task.ts'

export async function benchCancel(rig: Rig, repeat: number): Promise<Measurement[]> {
  const heeding = await measureCancels(rig, { stubborn: false, repeat })
  const stubborn = await measureCancels(rig, { stubborn: true, repeat })
  return [
    {
      name: 'cancel',
      what: 'cancel during a command',
      unit: 'ms',
      samples: heeding,
      goal: { statistic: 'p50', value: 40 },
    },
    {
      name: 'cancel-stubborn',
      what: 'cancel, children ignore TERM',
      unit: 'ms',
      samples: stubborn,
      goal: { statistic: 'p99', value: 1_000 },
    },
  ]
}

async function measureCancels(rig: Rig, options: { stubborn: boolean; repeat: number }): Promise<number[]> {
  const play = { kind: 'wait', stubborn: options.stubborn } as const
  return withAgent(rig, { play, watched: true }, async (agent) => {
    const taken: number[] = []
    // The first one also loads the route and is not counted.
    for (let count = 0; count <= options.repeat; count += 1) {
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
    }
    return taken
  })
}
