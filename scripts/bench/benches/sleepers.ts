/** What many sleeping agents cost the control plane, as rows alone: a page of their list, and booting with them. */
import path from 'node:path'
import { runCommand } from '../../../lib/composition/command.ts'
import { createOwnerToken } from '../../../lib/services/token/create.ts'
import { makeDataDirectory, removeDataDirectory } from '../../demo/data-directory.ts'
import { isolateSettings } from '../../demo/installation.ts'
import { machineMs } from '../../machine-ms.ts'
import type { Rig } from '../bench-agent.ts'
import { type BootedControlPlane, withControlPlane } from '../control-plane.ts'
import type { Measurement } from '../measurement.ts'
import { makeSleepingAgents } from '../sleeping-agents.ts'

const SLEEPERS = 1_000
/** In each boot; the first of them loads the route and does not count. */
const LIST_CALLS = 10

/** Control planes of their own, each a process on one data folder: first with no agent in it, then with all. */
export async function benchSleepers(rig: Rig, repeat: number): Promise<Measurement[]> {
  const { settings } = rig.installation.parts
  const dataDirectory = await makeDataDirectory(path.dirname(settings.dataDirectory))
  try {
    const own = isolateSettings(settings, dataDirectory)
    const { token } = await runCommand(own, (parts) => createOwnerToken(parts, { name: 'bench' }))
    // The first makes its secrets and does not count.
    await measureBoots(rig, { dataDirectory, repeat: 1 })
    const empty = await measureBoots(rig, { dataDirectory, repeat })
    await runCommand(own, (parts) => makeSleepingAgents(parts, SLEEPERS))
    const listMs: number[] = []
    const full = await measureBoots(rig, { dataDirectory, repeat }, async ({ url }) => {
      listMs.push(...(await measureLists({ url, token, signal: rig.signal })))
    })
    const rows = { unit: 'ms', goal: null } as const
    const many = SLEEPERS.toLocaleString('en')
    return [
      { ...rows, name: 'boot-empty', what: 'boot to healthy, no agents', samples: empty },
      { ...rows, name: 'boot-sleepers', what: `boot to healthy, ${many} sleeping agents`, samples: full },
      { ...rows, name: 'list-sleepers', what: `list of ${many} sleeping agents, a page of 50`, samples: listMs },
    ]
  } finally {
    await removeDataDirectory(dataDirectory)
  }
}

async function measureBoots(
  { installation, standIns, signal }: Rig,
  options: { dataDirectory: string; repeat: number },
  use: (booted: BootedControlPlane) => Promise<void> = async () => {},
): Promise<number[]> {
  const { dataDirectory, repeat } = options
  const sleep = (ms: number) => installation.parts.clock.sleep(ms, signal)
  const samples: number[] = []
  for (let count = 0; count < repeat; count += 1) {
    await withControlPlane({ dataDirectory, modelUrl: standIns.modelUrl, sleep }, async (booted) => {
      samples.push(booted.bootMs)
      await use(booted)
    })
  }
  return samples
}

async function measureLists(input: { url: string; token: string; signal: AbortSignal }): Promise<number[]> {
  const { url, token, signal } = input
  const samples: number[] = []
  for (let count = 0; count <= LIST_CALLS; count += 1) {
    const sentAtMs = machineMs()
    const response = await fetch(`${url}/api/agents`, { headers: { authorization: `Bearer ${token}` }, signal })
    const text = await response.text()
    if (!response.ok) throw new Error(`GET /api/agents was answered ${response.status}: ${text.slice(0, 300)}`)
    if (count > 0) samples.push(machineMs() - sentAtMs)
  }
  return samples
}
