/** What a sandbox takes of the machine: its memory while it waits and while it sleeps, and the image it is made from. */
import type { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import { type Rig, withAgent } from '../bench-agent.ts'
import { openEngineFigures } from '../engine-figures.ts'
import type { Measurement } from '../measurement.ts'

/** Long enough for what the last run left to be over. */
const SETTLE_MS = 3_000
const MB = 1_000_000

/** Memory of a sandbox whose agent has run once: waiting, then asleep. */
export async function benchMemory(rig: Rig, repeat: number): Promise<Measurement[]> {
  const { parts } = rig.installation
  const figures = openEngineFigures(parts.settings.dockerHost)
  const idle: number[] = []
  const asleep: number[] = []
  for (let count = 0; count < repeat; count += 1) {
    await withAgent(rig, { play: { kind: 'answer' }, watched: false }, async (agent) => {
      await agent.start()
      await agent.untilReady()
      await parts.clock.sleep(SETTLE_MS, rig.signal)
      const engineId = await agent.engineId()
      idle.push((await figures.memoryBytes(engineId, rig.signal)) / MB)
      await agent.fallAsleep()
      asleep.push((await figures.memoryBytes(engineId, rig.signal)) / MB)
    })
  }
  return [
    {
      name: 'idle-memory',
      what: 'memory of an idle sandbox',
      unit: 'MB',
      samples: idle,
      goal: { statistic: 'p50', bound: 'under', value: 60 },
    },
    {
      name: 'sleeping-memory',
      what: 'memory of a sleeping sandbox',
      unit: 'MB',
      samples: asleep,
      // Nothing of it runs; any number says so.
      goal: { statistic: 'p99', bound: 'under', value: 1 },
    },
  ]
}

/** The image as a registry would keep it, near enough: exported and compressed once. */
export async function benchImage({ installation, signal }: Rig): Promise<Measurement[]> {
  const { settings, agentImage } = installation.parts
  const image = await openEngineFigures(settings.dockerHost).exportImage(agentImage, signal)
  const samples = [(await countCompressed(image)) / MB]
  const what = 'agent image, compressed'
  return [{ name: 'image-size', what, unit: 'MB', samples, goal: { statistic: 'p50', bound: 'under', value: 220 } }]
}

async function countCompressed(stream: Readable): Promise<number> {
  let bytes = 0
  for await (const chunk of stream.compose(createGzip())) bytes += (chunk as Buffer).length
  return bytes
}
