/** From an instruction to a sleeping agent, whose container is stopped, until its next call is at the model. */
import { type Rig, withAgent } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'

export async function benchWake(rig: Rig, repeat: number): Promise<Measurement[]> {
  const samples = await withAgent(rig, { play: { kind: 'answer' }, watched: false }, async (agent) => {
    await agent.start()
    await agent.untilReady()
    await agent.calls()
    const taken: number[] = []
    for (let count = 0; count < repeat; count += 1) {
      await agent.fallAsleep()
      const sentAtMs = await agent.resume()
      await agent.untilReady()
      const [call] = await agent.calls()
      if (call === undefined) throw new Error('The model was not called after the agent was woken.')
      taken.push(call.arrivedAtMs - sentAtMs)
    }
    return taken
  })
  const what = 'wake to next model call'
  const goal = { statistic: 'p95', bound: 'under', value: 1_000 } as const
  return [{ name: 'wake-to-model-call', what, unit: 'ms', samples, goal }]
}
