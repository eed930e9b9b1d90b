/**
 * A bench from its first line to its last: stand-ins and an installation of its own, the benches asked for, and nothing left
 * of it, whatever happens. Must not know: how anything is measured or shown.
 */
import type { Settings } from '../../lib/config.ts'
import { startInstallation } from '../demo/installation.ts'
import { SAMPLE_FOLDER } from '../demo/sample-case.ts'
import { openApi } from './bench-agent.ts'
import { benches } from './benches.ts'
import { describeMachine, type Machine } from './machine.ts'
import type { Measurement } from './measurement.ts'
import { type StandIns, startStandIns } from './stand-ins.ts'

const REPOSITORY = 'sample/durations'
const FORGE_TOKEN = 'token-of-the-local-forge'
const MODEL_KEY = 'key-of-the-scripted-model'
const SCRIPTED_MODEL = 'anthropic/claude-sonnet-4.6'

export interface BenchInput {
  only: readonly string[]
  /** Null: each bench's own. */
  repeat: number | null
  /** Of the environment; what the bench brings itself is put in their place. */
  settings: Settings
  say(line: string): void
  signal: AbortSignal
}

export interface BenchResult {
  machine: Machine
  measurements: Measurement[]
}

export async function runBench(input: BenchInput): Promise<BenchResult> {
  const { say, signal } = input
  const machine = describeMachine()
  await using started = new AsyncDisposableStack()
  const standIns = await startStandIns({
    repository: { fullName: REPOSITORY, from: SAMPLE_FOLDER },
    forgeToken: FORGE_TOKEN,
    modelKey: MODEL_KEY,
    modelId: SCRIPTED_MODEL,
  })
  started.defer(() => standIns.close())
  const installation = await startInstallation({ settings: settingsWith(input.settings, standIns), say, signal })
  started.defer(() => installation.close())
  const engine = await installation.parts.driver.probe()
  const rig = { installation, standIns, say, signal, api: openApi(installation), repository: REPOSITORY }
  const measurements: Measurement[] = []
  for (const { name, repeat, run } of benches) {
    if (!input.only.includes(name)) continue
    signal.throwIfAborted()
    say(`Measuring ${name} ...`)
    measurements.push(...(await run(rig, input.repeat ?? repeat)))
  }
  return { machine: { ...machine, engine: engine.description }, measurements }
}

function settingsWith(settings: Settings, standIns: StandIns): Settings {
  return {
    ...settings,
    github: { token: FORGE_TOKEN, apiUrl: standIns.forgeApiUrl, url: standIns.forgeUrl },
    openrouter: { apiKey: MODEL_KEY, baseUrl: standIns.modelUrl },
    defaultModel: SCRIPTED_MODEL,
  }
}
