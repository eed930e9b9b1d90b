/**
 * An installation of Berth that is the demo's (or a test's) alone: a data folder of its own, an embedded database, a free
 * port, a token. Owns: that nothing of it is left. Must not know: what is done with it.
 */
import type { ReplacedParts } from '../../lib/composition/create-parts.ts'
import { createProgress } from '../../lib/composition/progress.ts'
import { serve } from '../../lib/composition/serve.ts'
import type { Settings } from '../../lib/config.ts'
import { BerthError } from '../../lib/errors.ts'
import { createLogger } from '../../lib/logger.ts'
import type { Parts } from '../../lib/services/context.ts'
import { createOwnerToken } from '../../lib/services/token/create.ts'
import { ensureOwnerLink } from '../../lib/services/user/owner.ts'
import { projectDirectory } from '../project-directory.ts'
import { makeDataDirectory, removeDataDirectory } from './data-directory.ts'

export interface Installation {
  url: string
  /** Of its owner. */
  token: string
  parts: Parts
  /** A one-time link into the dashboard. */
  signInLink(): Promise<string>
  /** Ends it, and removes its sandboxes, their volumes and every file of it. */
  close(): Promise<void>
}

export interface InstallationInput extends ReplacedParts {
  /** Its data folder lies in theirs, its address and secrets are its own; the rest is taken as it is. */
  settings: Settings
  say(line: string): void
  signal: AbortSignal
}

/** Throws what `serve` throws, and the reason where no sandbox can be had; nothing is left then. */
export async function startInstallation(input: InstallationInput): Promise<Installation> {
  await using started = new AsyncDisposableStack()
  const dataDirectory = await makeDataDirectory(input.settings.dataDirectory)
  started.defer(() => removeDataDirectory(dataDirectory))
  const settings = isolateSettings(input.settings, dataDirectory)
  const serving = await serve({
    settings,
    logger: createLogger({ level: settings.logLevel }),
    root: projectDirectory,
    progress: createProgress({ write: input.say }),
    signal: input.signal,
    ...(input.network === undefined ? {} : { network: input.network }),
    ...(input.timeouts === undefined ? {} : { timeouts: input.timeouts }),
  })
  started.defer(() => serving.close())
  if (serving.imageProblem !== null) throw serving.imageProblem
  // Only from here on can there be any; without an engine even asking for them fails.
  started.defer(() => removeSandboxes(serving.parts))
  const { token } = await createOwnerToken(serving.parts, { name: 'demo' })
  const everything = started.move()
  return {
    url: serving.url,
    token,
    parts: serving.parts,
    async signInLink() {
      const link = await ensureOwnerLink(serving.parts, serving.url)
      if (link === null) throw new BerthError('state_conflict', 'Somebody has signed in already; the link works once.')
      return link.url
    },
    close: () => everything.disposeAsync(),
  }
}

/** Nothing of the person's own installation is used: not its database, its secrets, its address. */
export function isolateSettings(settings: Settings, dataDirectory: string): Settings {
  return {
    ...settings,
    dataDirectory,
    databaseUrl: null,
    host: '127.0.0.1',
    port: 0,
    publicUrl: null,
    secretKey: null,
    sessionSecret: null,
    // What is shown is the agent's work; the log of the control plane only when it is asked for.
    logLevel: settings.logLevel === 'debug' ? 'debug' : 'error',
  }
}

/** What an agent that was not deleted leaves: after a failure, or when the way to delete it was broken. */
async function removeSandboxes({ driver, installationId }: Parts): Promise<void> {
  const sandboxes = await driver.list({ installationId })
  for (const sandbox of sandboxes) {
    await driver.remove(sandbox)
    await driver.removeVolumes({ installationId, agentId: sandbox.agentId })
  }
}
