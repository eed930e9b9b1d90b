/** What is outside a control plane in the end-to-end tests: the local forge with the sample, the scripted model, the settings that lead to them. */
import { SAMPLE_FOLDER, sampleCase } from '../../scripts/demo/sample-case.ts'
import { type ForgeStandIn, startForge } from '../../scripts/stand-ins/forge/start-forge.ts'
import type { Script } from '../../scripts/stand-ins/model/script.ts'
import { type ModelStandIn, startModel } from '../../scripts/stand-ins/model/start-model.ts'

export const FORGE_TOKEN = 'ghp_secret_of_the_local_forge'
export const MODEL_KEY = 'sk-or-v1-secret-of-the-scripted-model'
export const MODEL = 'anthropic/claude-sonnet-4.6'

export interface Outside {
  forge: ForgeStandIn
  model: ModelStandIn
  /** Environment variables that lead a control plane to them, and to nothing of the person's own. */
  env: Record<string, string>
  close(): Promise<void>
}

export interface OutsideInput {
  script: Script
  /** Between two pieces of the model's text; default 0. */
  delayMs?: number
  /** Other repositories than the sample: "owner/repo" to a folder. */
  repositories?: { fullName: string; from: string }[]
}

export async function startOutside(input: OutsideInput): Promise<Outside> {
  await using started = new AsyncDisposableStack()
  const repositories = input.repositories ?? [{ fullName: sampleCase.repo, from: SAMPLE_FOLDER }]
  const forge = await startForge({ token: FORGE_TOKEN, repositories })
  started.defer(() => forge.close())
  const model = await startModel({ script: input.script, apiKey: MODEL_KEY, delayMs: input.delayMs ?? 0 })
  started.defer(() => model.close())
  const everything = started.move()
  return {
    forge,
    model,
    env: {
      DATABASE_URL: '',
      NEXTAUTH_URL: '',
      BERTH_SECRET_KEY: '',
      NEXTAUTH_SECRET: '',
      BERTH_SANDBOX: 'docker',
      BERTH_AGENT_IMAGE: '',
      HOST: '127.0.0.1',
      PORT: '0',
      GITHUB_TOKEN: FORGE_TOKEN,
      GITHUB_API_URL: forge.apiUrl,
      GITHUB_URL: forge.url,
      OPENROUTER_API_KEY: MODEL_KEY,
      OPENROUTER_BASE_URL: model.url,
      DEFAULT_AGENT_MODEL: MODEL,
      BERTH_LOG_LEVEL: 'error',
    },
    close: () => everything.disposeAsync(),
  }
}
