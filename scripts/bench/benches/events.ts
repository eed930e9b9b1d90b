/** How fast what one bridge writes is stored and shown: an answer of many calls that do nothing but write to the log. */
import { type Rig, withAgent } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'
import type { SeenEvent } from '../watch-agent.ts'

/** Each is three events: the call, the task list, the result. */
const CALLS = 1_000

export async function benchEvents(rig: Rig, repeat: number): Promise<Measurement[]> {
  const samples: number[] = []
  for (let count = 0; count < repeat; count += 1) {
    await withAgent(rig, { play: { kind: 'flood', calls: CALLS }, watched: true }, async (agent) => {
      await agent.start()
      await agent.untilReady()
      await agent.watch.until(({ type }) => type === 'done')
      samples.push(eventsPerSecond(agent.watch.seen()))
    })
  }
  const what = 'events from one bridge, stored and shown'
  return [{ name: 'events-stored', what, unit: 'events/s', samples, goal: null }]
}

/** From the first call that was shown to the last result. */
export function eventsPerSecond(seen: readonly Pick<SeenEvent, 'event' | 'atMs'>[]): number {
  const from = seen.findIndex(({ event }) => event.type === 'tool_call')
  const to = seen.findLastIndex(({ event }) => event.type === 'tool_result')
  const [first, last] = [seen[from], seen[to]]
  if (first === undefined || last === undefined || last.atMs <= first.atMs) throw new Error('No flood was seen.')
  const stored = seen.slice(from, to + 1).filter(({ event }) => event.seq > 0)
  return (stored.length - 1) / ((last.atMs - first.atMs) / 1_000)
}
