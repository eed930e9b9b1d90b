/**
 * A whole installation in this process: lock, address, secrets, database, image, pages, parts. `npm start` is a thin shell
 * around it, the demo and the end-to-end tests start theirs with other data folders and ports. One at a time in a process: the
 * bundled routes find their parts on globalThis.
 */
import type { Settings } from '../config.ts'
import type { SandboxDriver } from '../drivers/sandbox/port.ts'
import { BerthError } from '../errors.ts'
import { provideParts } from '../http/parts.ts'
import type { Logger } from '../logger.ts'
import type { Parts } from '../services/context.ts'
import { ensureAppBuilt } from './app-build.ts'
import { claimInstallation } from './claim-installation.ts'
import { createParts, type ReplacedParts } from './create-parts.ts'
import { openDatabase } from './database.ts'
import { openHttpServer } from './http-server.ts'
import { takeInstanceLock } from './instance-lock.ts'
import { makeAgentImage } from './make-agent-image.ts'
import { openNextApp } from './next-app.ts'
import { chooseDriver, openDriver } from './open-driver.ts'
import { createProgress, type Progress } from './progress.ts'
import { ensureSecrets } from './secrets.ts'
import { trustExtraCa } from './trust-extra-ca.ts'

export interface ServeInput extends ReplacedParts {
  settings: Settings
  logger: Logger
  /** The project's folder; default: the working directory. */
  root?: string
  /** Default: says nothing. */
  progress?: Progress
  /** Next in development mode: pages are built when they are asked for, and again when they change. */
  isDevelopment?: boolean
  /** Gives up the start. */
  signal?: AbortSignal
  onReady?: (serving: Serving) => void
}

export interface Serving {
  /** Where a browser finds it, without a slash at the end. */
  url: string
  parts: Parts
  /** Why agents cannot be started, when they cannot: the engine does not answer, or their image could not be made. */
  imageProblem: BerthError | null
  /** Ends everything that was started, the embedded database included; sandboxes and their runs go on. Idempotent. */
  close(): Promise<void>
}

/** Answers when requests are served. Throws AlreadyRunning, StartRefused or what failed; nothing is left then. */
export async function serve(input: ServeInput): Promise<Serving> {
  const { root = process.cwd(), progress = createProgress({ write: () => {} }), isDevelopment = false } = input
  const signal = input.signal ?? new AbortController().signal
  await using started = new AsyncDisposableStack()
  const lock = await takeInstanceLock(input.settings.dataDirectory, signal)
  started.defer(() => lock.release())
  const http = await openHttpServer(input.settings)
  started.defer(() => http.close())
  const publicUrl = input.settings.publicUrl ?? http.url
  const settings = { ...(await ensureSecrets(input.settings)), port: http.port, publicUrl }

  trustExtraCa(settings.extraCaFile)
  const onTrouble = (words: string, error?: unknown) => input.logger.warn(words, error === undefined ? {} : { error })
  const database = await progress.step('Starting the database', (onWait) =>
    openDatabase(settings, { onWait, onTrouble, signal }),
  )
  started.defer(() => database.close())
  if (database.applied.length > 0) progress.say(`Database: ${database.applied.length} migration(s) applied`)
  await lock.tellDatabaseReady()
  signal.throwIfAborted()

  await claimInstallation({ settings, databaseUrl: database.url })
  const kind = await chooseDriver({ settings, databaseUrl: database.url })
  const driver = openDriver({ kind, settings, project: root, logger: input.logger })
  const making = { root, progress, signal }
  const [imageProblem] = await Promise.all([
    kind === 'docker' ? makeAgentImage({ ...making, settings }) : findProblem(driver),
    isDevelopment ? null : buildApp(making),
  ])
  const running = await createParts({
    settings,
    databaseUrl: database.url,
    driver,
    logger: input.logger,
    ...(input.network ? { network: input.network } : {}),
    ...(input.timeouts ? { timeouts: input.timeouts } : {}),
  })
  started.defer(() => running.close())
  provideParts(running.parts)
  started.defer(() => provideParts(undefined))
  const [app] = await Promise.all([
    progress.step('Loading the pages', () => openNextApp({ root, http, publicUrl, isDevelopment })),
    imageProblem === null ? prepareDriver(running.parts, signal) : null,
  ])
  started.defer(() => app.close())
  http.answerWith(app.handle)
  await lock.tellAddress(publicUrl)
  signal.throwIfAborted()

  const everything = started.move()
  let isClosing = false
  const serving: Serving = {
    url: publicUrl,
    parts: running.parts,
    imageProblem,
    close: async () => {
      if (isClosing) return
      isClosing = true
      await lock.tellEnding()
      // First nobody new comes in; then what answered them goes.
      await http.close()
      await everything.disposeAsync()
    },
  }
  input.onReady?.(serving)
  return serving
}

/** What fails here is tried again, and told, by the first sandbox that needs it. */
async function prepareDriver({ driver, agentImage, logger }: Parts, signal: AbortSignal): Promise<void> {
  try {
    await driver.prepare(agentImage, signal)
  } catch (error) {
    logger.warn('the sandbox driver could not be prepared', { error })
  }
}

interface Making {
  root: string
  progress: Progress
  signal: AbortSignal
}

async function buildApp({ root, progress, signal }: Making): Promise<void> {
  await progress.step('Building the pages', (note) => ensureAppBuilt({ root, onProgress: note, signal }))
}

/** A driver that needs no image may still lack something. */
async function findProblem(driver: SandboxDriver): Promise<BerthError | null> {
  const { reachable, description } = await driver.probe()
  return reachable ? null : new BerthError('engine_unreachable', description)
}
