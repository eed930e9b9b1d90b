/**
 * A whole installation for an end-to-end test: the real server, database, engine and git; the local forge and the scripted
 * model. `close` takes everything away and throws when something is left.
 */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { readSettings } from '../../lib/config.ts'
import type { Network } from '../../lib/gateway/egress/destination.ts'
import type { TunnelTimeouts } from '../../lib/gateway/tunnel/tunnel-server.ts'
import type { Parts } from '../../lib/services/context.ts'
import { locateEmbedded, runsAsRoot } from '../../lib/store/embedded/location.ts'
import { scriptCase } from '../../scripts/demo/case-script.ts'
import { startInstallation as startDemoInstallation } from '../../scripts/demo/installation.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'
import { createE2eApi, type E2eApi } from './e2e-api.ts'
import { type E2eEngine, isThere, listSocketFolders, openE2eEngine } from './e2e-engine.ts'
import { type Outside, type OutsideInput, startOutside } from './e2e-outside.ts'
import { findProcesses } from './process-rig.ts'

export interface TestInstallation extends Pick<Outside, 'forge' | 'model'> {
  url: string
  /** A one-time link that makes the owner's account. */
  ownerLink: string
  api: E2eApi
  engine: E2eEngine
  /** For looking at what the API does not show; never to act. */
  parts: Parts
  /** Deletes every agent, ends everything, and throws when a container, a volume or a file is left. */
  close(): Promise<void>
}

/** Long enough to be watched in a page, short enough for a test. */
const TYPING_MS = 5

export interface TestInstallationInput extends Partial<OutsideInput> {
  /** More settings, as in .env. */
  env?: Record<string, string>
  /** How the control plane finds the addresses of names; default: as this machine does. */
  network?: Network
  /** How patient the gateways are; default: as always. */
  timeouts?: Partial<TunnelTimeouts>
}

/** Without a script the model solves the sample, and has one more answer for an instruction after it. */
export async function startInstallation(input: TestInstallationInput = {}): Promise<TestInstallation> {
  await using started = new AsyncDisposableStack()
  const script = input.script ?? [...scriptCase(sampleCase), { text: 'It is written down now.' }]
  const outside = await startOutside({ delayMs: TYPING_MS, ...input, script })
  started.defer(() => outside.close())
  const base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  started.defer(() => removeEmpty(base))
  const environment = { ...process.env, ...outside.env, ...input.env, BERTH_DATA_DIR: path.join(base, 'data') }
  const installation = await startDemoInstallation({
    settings: readSettings(environment, projectDirectory),
    signal: new AbortController().signal,
    say: () => {},
    ...(input.network === undefined ? {} : { network: input.network }),
    ...(input.timeouts === undefined ? {} : { timeouts: input.timeouts }),
  })
  const { url, token, parts } = installation
  const { dataDirectory, dockerHost } = parts.settings
  started.defer(() => assertGone(locateEmbedded(dataDirectory, runsAsRoot()).home))
  started.defer(() => installation.close())
  const api = createE2eApi({ baseUrl: url, token })
  const engine = openE2eEngine({ dockerHost, installationId: parts.installationId })
  started.defer(() =>
    parts.driver.kind === 'process' ? assertNoProcessLeft(dataDirectory) : assertNothingLeft({ engine, dataDirectory }),
  )
  started.defer(() => purgeAgents(api))
  const ownerLink = await installation.signInLink()
  const everything = started.move()
  return {
    url,
    ownerLink,
    api,
    engine,
    parts,
    forge: outside.forge,
    model: outside.model,
    close: () => everything.disposeAsync(),
  }
}

export async function purgeAgents(api: E2eApi): Promise<void> {
  for (const { id } of await api.listAgents()) await api.deleteAgent(id, { purge: true })
}

/** After every agent was deleted. */
export async function assertNothingLeft(input: { engine: E2eEngine; dataDirectory: string }): Promise<void> {
  const { engine, dataDirectory } = input
  const left = [
    ...(await engine.containers()),
    ...(await engine.volumes()),
    ...(await listSocketFolders(dataDirectory)),
  ]
  if (left.length > 0) throw new Error(`Deleted agents left behind: ${left.join(', ')}.`)
}

/** The same where sandboxes are processes: each has its folders in its environment. */
async function assertNoProcessLeft(dataDirectory: string): Promise<void> {
  const left = findProcesses('BERTH_', dataDirectory)
  if (left.length > 0) throw new Error(`Deleted agents left the processes ${left.join(', ')}.`)
}

/** Whatever is found in it is removed all the same. */
export async function removeEmpty(directory: string): Promise<void> {
  const left = await readdir(directory, { recursive: true })
  await rm(directory, { recursive: true, force: true })
  if (left.length > 0) throw new Error(`The installation left in its folder: ${left.join(', ')}.`)
}

export async function assertGone(file: string): Promise<void> {
  if (await isThere(file)) throw new Error(`The installation left ${file}.`)
}
