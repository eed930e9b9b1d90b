/** A cold start: volumes, container, bridge, clone, first model call. The image is there, everything else is new. */
import { startStages } from '../../../lib/domain/agent.ts'
import { type Rig, withAgent } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'

/** The stages that a start without a setup goes through, in order. */
const STAGES = startStages.filter((stage) => stage !== 'setup')

export async function benchStart(rig: Rig, repeat: number): Promise<Measurement[]> {
  const starts: Start[] = []
  // The first one also loads the routes and is not counted.
  for (let count = 0; count <= repeat; count += 1) {
    const start = await measureStart(rig)
    if (count > 0) starts.push(start)
  }
  const pick = (read: (start: Start) => number) => starts.map(read)
  return [
    {
      name: 'start-to-bridge',
      what: 'start to bridge answering, cold',
      unit: 'ms',
      samples: pick(({ stages }) => stages.clone ?? Number.NaN),
      goal: { statistic: 'p50', bound: 'under', value: 300 },
    },
    {
      name: 'start-to-first-model-call',
      what: 'start to first model call, with clone, cold',
      unit: 'ms',
      samples: pick(({ modelCall }) => modelCall),
      goal: { statistic: 'p50', bound: 'under', value: 700 },
    },
    ...STAGES.map((stage, index) => ({
      name: `start-stage-${stage}`,
      what: `of it: ${WORDS[stage]}`,
      unit: 'ms' as const,
      samples: pick(({ stages, modelCall }) => {
        const next = STAGES[index + 1]
        return (next === undefined ? modelCall : (stages[next] ?? Number.NaN)) - (stages[stage] ?? Number.NaN)
      }),
      goal: null,
    })),
  ]
}

const WORDS: Record<(typeof startStages)[number], string> = {
  image: 'looking for the image',
  container: 'volumes, container and runner',
  bridge: 'bridge, tunnels, journal',
  clone: 'clone',
  setup: 'setup',
  model: 'run handed over, prompt written, call',
}

/** Milliseconds after POST /start was sent. */
interface Start {
  /** When each stage was shown in the event stream. */
  stages: Partial<Record<string, number>>
  /** When the first call was at the model. */
  modelCall: number
}

async function measureStart(rig: Rig): Promise<Start> {
  return withAgent(rig, { play: { kind: 'answer' }, watched: true }, async (agent) => {
    const sentAtMs = await agent.start()
    const stages: Start['stages'] = {}
    for (const stage of STAGES) {
      const { atMs } = await agent.watch.until(({ type, data }) => type === 'status' && data.stage === stage)
      stages[stage] = atMs - sentAtMs
    }
    await agent.watch.until(({ type }) => type === 'done')
    await agent.untilReady()
    const [first] = await agent.calls()
    if (first === undefined) throw new Error('The model was not called.')
    return { stages, modelCall: first.arrivedAtMs - sentAtMs }
  })
}
