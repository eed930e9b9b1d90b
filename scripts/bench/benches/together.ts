/** Eight agents at once: their steps a second beside those of eight bare loops of the AI SDK, and how the API answers meanwhile. */
import { SAMPLE_FOLDER } from '../../demo/sample-case.ts'
import { playBareLoops } from '../bare-loops.ts'
import { type Rig, withAgents } from '../bench-agent.ts'
import type { Measurement } from '../measurement.ts'
import { probeHealth } from '../probe-health.ts'
import { stepsPerSecond } from '../step-rate.ts'
import { type Play, writeTask } from '../task.ts'

const AT_ONCE = 8
/** Enough for all eight to be at work at the same time, though they do not begin at the same moment. */
const PLAY = { kind: 'read', steps: 100 } as const satisfies Play
const HEALTH_EVERY_MS = 50

interface Round {
  agents: number
  bare: number
  healthMs: number[]
}

export async function benchTogether(rig: Rig, repeat: number): Promise<Measurement[]> {
  const rounds: Round[] = []
  for (let count = 0; count < repeat; count += 1) {
    rounds.push({ bare: await measureBareLoops(rig), ...(await measureAgents(rig)) })
  }
  const each = (read: (round: Round) => number) => rounds.map(read)
  return [
    {
      name: 'together-share',
      what: 'eight agents at once, of the steps of eight bare loops',
      unit: '%',
      samples: each(({ agents, bare }) => (100 * agents) / bare),
      goal: { statistic: 'p50', bound: 'over', value: 50 },
    },
    { name: 'together-agents', what: 'of it: the agents', unit: 'steps/s', samples: each((r) => r.agents), goal: null },
    { name: 'together-bare', what: 'of it: the bare loops', unit: 'steps/s', samples: each((r) => r.bare), goal: null },
    {
      name: 'together-health',
      what: '/api/health, eight agents at once',
      unit: 'ms',
      samples: rounds.flatMap(({ healthMs }) => healthMs),
      goal: { statistic: 'p95', bound: 'under', value: 20 },
    },
  ]
}

async function measureBareLoops({ standIns, signal }: Rig): Promise<number> {
  const tasks = Array.from({ length: AT_ONCE }, () => writeTask(PLAY))
  const { modelUrl, modelKey, modelId } = standIns
  await playBareLoops({ modelUrl, modelKey, modelId, directory: SAMPLE_FOLDER, tasks }, signal)
  return stepsPerSecond(await Promise.all(tasks.map((task) => standIns.calls(task))))
}

/** The sandboxes are there before: all are given their work at the same time. */
async function measureAgents(rig: Rig): Promise<Omit<Round, 'bare'>> {
  return withAgents(rig, { count: AT_ONCE, play: { ...PLAY, waits: true } }, async (agents) => {
    for (const agent of agents) {
      await agent.start()
      await agent.untilReady()
      await agent.calls()
    }
    const healthMs = await probeHealth({ url: rig.installation.url, everyMs: HEALTH_EVERY_MS }, async () => {
      await Promise.all(agents.map((agent) => agent.resume()))
      // One after another, so that asking whether they are done takes little of the control plane.
      for (const agent of agents) await agent.untilReady()
    })
    return { agents: stepsPerSecond(await Promise.all(agents.map((agent) => agent.calls()))), healthMs }
  })
}
