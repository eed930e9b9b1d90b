/** From an instruction to a waiting agent until its next call is at the model. */
import { type Rig, withAgent } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'

export async function benchResume(rig: Rig, repeat: number): Promise<Measurement[]> {
  const samples = await withAgent(rig, { play: { kind: 'answer' }, watched: false }, async (agent) => {
    await agent.start()
    await agent.untilReady()
    await agent.calls()
    const taken: number[] = []
    // The first one also loads the route and is not counted.
    for (let count = 0; count <= repeat; count += 1) {
      const sentAtMs = await agent.resume()
      await agent.untilReady()
      const [call] = await agent.calls()
      if (call === undefined) throw new Error('The model was not called after a resume.')
      if (count > 0) taken.push(call.arrivedAtMs - sentAtMs)
    }
    return taken
  })
  const what = 'resume to next model call'
  return [
    { name: 'resume-to-model-call', what, unit: 'ms', samples, goal: { statistic: 'p50', bound: 'under', value: 25 } },
  ]
}
