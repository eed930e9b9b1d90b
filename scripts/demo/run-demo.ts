/**
 * The demo from its first line to its last: starts a forge, a model and an installation of Berth of its own, plays the plan
 * through the public API, shows it live, and takes everything away again, whatever happens. Must not know: how an
 * installation is started (installation.ts) or what events look like (render-events.ts).
 */
import type { Settings } from '../../lib/config.ts'
import { type ForgeStandIn, startForge } from '../stand-ins/forge/start-forge.ts'
import { type ModelStandIn, startModel } from '../stand-ins/model/start-model.ts'
import { createBerthApi } from './api-client.ts'
import { computeExpectedDiff } from './case.ts'
import { scriptCase } from './case-script.ts'
import type { SandboxChoice } from './choose-sandbox.ts'
import { describeBeginning, describeEnd } from './describe-demo.ts'
import { type Installation, startInstallation } from './installation.ts'
import type { DemoPlan } from './plan.ts'
import { playCase, playTask, type TaskResult } from './play-case.ts'
import { createEventRenderer, type RunTotals } from './render-events.ts'

export interface DemoInput {
  plan: DemoPlan
  sandbox: SandboxChoice
  /** Of the environment; what the demo brings itself is put in their place. */
  settings: Settings
  write(text: string): void
  colour: boolean
  /** Called between the pull request and the end; everything goes when it resolves. */
  beforeEnd(installation: Installation): Promise<void>
  signal: AbortSignal
}

export interface DemoResult extends TaskResult {
  totals: RunTotals
}

const FORGE_TOKEN = 'token-of-the-local-forge'
const MODEL_KEY = 'key-of-the-scripted-model'
const SCRIPTED_MODEL = 'anthropic/claude-sonnet-4.6'
/** Between two pieces of the scripted model's text, so that one can watch it write. */
const TYPING_MS = 15
/** A real model needs more room than a script that knows the answer. */
const REAL_MODEL_STEPS = 50

/** Resolves when the pull request was there, and right where that is known. Throws an Error that says why it was not. */
export async function runDemo(input: DemoInput): Promise<DemoResult> {
  const { plan, write, signal } = input
  await using started = new AsyncDisposableStack()
  const forge = await startForge({
    token: FORGE_TOKEN,
    repositories: [{ fullName: plan.fullName, from: plan.source }],
  })
  started.defer(() => forge.close())
  await assertStandsOnBase(plan, forge)
  const model = await startScriptedModel(plan)
  if (model !== null) started.defer(() => model.close())
  describeBeginning(input)
  const installation = await startInstallation({
    settings: settingsWith({ settings: { ...input.settings, sandbox: input.sandbox.driver }, forge, model }),
    signal,
    say: (line) => write(`  ${line}\n`),
  })
  started.defer(() => installation.close())
  signal.throwIfAborted()
  const result = await play({ demo: input, forge, installation, stack: started }).catch((error: unknown) => {
    // What the script refused is the cause of whatever the run then ended with.
    const [refusal] = model?.unscripted ?? []
    throw refusal === undefined ? error : new Error(`The scripted model did not go on: ${refusal}`)
  })
  describeEnd(input, result)
  await input.beforeEnd(installation)
  return result
}

/** A case is about one commit: on another its edits prove nothing. */
async function assertStandsOnBase(plan: DemoPlan, forge: ForgeStandIn): Promise<void> {
  const branches = await forge.branches(plan.fullName)
  if (branches.length === 0) throw new Error(`${plan.source} has no commits.`)
  const base = plan.script?.base
  if (base === undefined || branches.some(({ sha }) => sha === base)) return
  const tips = branches.map(({ name, sha }) => `${name} at ${sha}`).join(', ')
  throw new Error(`The case is about commit ${base}, but ${plan.source} has ${tips}.`)
}

async function startScriptedModel({ script }: DemoPlan): Promise<ModelStandIn | null> {
  return script === null ? null : startModel({ script: scriptCase(script), apiKey: MODEL_KEY, delayMs: TYPING_MS })
}

function settingsWith(input: { settings: Settings; forge: ForgeStandIn; model: ModelStandIn | null }): Settings {
  const { settings, forge, model } = input
  const github = { token: FORGE_TOKEN, apiUrl: forge.apiUrl, url: forge.url }
  if (model === null) return { ...settings, github }
  return {
    ...settings,
    github,
    openrouter: { apiKey: MODEL_KEY, baseUrl: model.url },
    defaultModel: SCRIPTED_MODEL,
  }
}

async function play(input: {
  demo: DemoInput
  forge: ForgeStandIn
  installation: Installation
  stack: AsyncDisposableStack
}): Promise<DemoResult> {
  const { demo, forge, installation, stack } = input
  const { plan, write, colour, signal } = demo
  const api = createBerthApi({ baseUrl: installation.url, token: installation.token })
  const renderer = createEventRenderer({ write, colour })
  const task = {
    api,
    signal,
    agent: {
      name: plan.name,
      task: plan.task,
      githubRepo: plan.fullName,
      ...(plan.script === null ? { limits: { maxSteps: REAL_MODEL_STEPS } } : {}),
    },
    onEvent: renderer.render,
    onAgent: ({ id }: { id: string }) => void stack.defer(() => api.deleteAgent(id, { purge: true })),
  }
  if (plan.script === null) return { ...(await playTask(task)), totals: renderer.totals() }
  const { edits, test } = plan.script
  const directory = forge.directoryOf(plan.fullName)
  const branch = forge.defaultBranchOf(plan.fullName)
  const expectedDiff = await computeExpectedDiff({ directory, branch, edits })
  return { ...(await playCase({ ...task, test, expectedDiff })), totals: renderer.totals() }
}
