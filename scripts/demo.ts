/** `npm run demo`: a task becomes a pull request, live on the terminal, in an installation that starts and ends itself. */
import { loadSettings, SettingsError } from '../lib/config.ts'
import { isBerthError } from '../lib/errors.ts'
import { causeChain } from '../lib/logger.ts'
import { readArguments, USAGE } from './demo/arguments.ts'
import type { Installation } from './demo/installation.ts'
import { planDemo } from './demo/plan.ts'
import { runDemo } from './demo/run-demo.ts'
import { projectDirectory } from './project-directory.ts'

/** A signal that comes so much later than the first means "at once": Ctrl+C arrives twice, from the terminal and from npm. */
const IMPATIENT_MS = 2_000
const DEADLINE_MS = 45 * 60_000

class Interrupted extends Error {}

const write = (text: string) => void process.stdout.write(text)
const interrupted = endOnSignal()

async function main(): Promise<void> {
  const settings = loadSettings(projectDirectory)
  const hasKey = settings.openrouter.apiKey !== null
  const args = readArguments(process.argv.slice(2), hasKey)
  if (args.help) return write(USAGE)
  await runDemo({
    plan: await planDemo(args, hasKey),
    settings,
    write,
    colour: process.stdout.isTTY && process.stdout.hasColors(),
    beforeEnd: (installation) => (args.keepOpen ? keepOpen(installation) : Promise.resolve()),
    signal: args.keepOpen ? interrupted : AbortSignal.any([interrupted, AbortSignal.timeout(DEADLINE_MS)]),
  })
}

async function keepOpen(installation: Installation): Promise<void> {
  write(
    `\n  The dashboard is open until Ctrl+C. Sign in with this link; it works once:\n    ${await installation.signInLink()}\n`,
  )
  await new Promise<void>((resolve) => {
    if (interrupted.aborted) resolve()
    interrupted.addEventListener('abort', () => resolve(), { once: true })
  })
}

function endOnSignal(): AbortSignal {
  const ending = new AbortController()
  let asked = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!ending.signal.aborted) {
        asked = performance.now()
        process.stderr.write('\nEnding the demo and removing what it made ...\n')
        ending.abort(new Interrupted())
      } else if (performance.now() - asked > IMPATIENT_MS) {
        process.exit(130)
      }
    })
  }
  return ending.signal
}

function describeFailure(error: unknown): string {
  if (error instanceof SettingsError) return error.message
  if (isBerthError(error)) {
    const tail = Array.isArray(error.details?.logTail) ? error.details.logTail : []
    return [error.hint ? `${error.message} ${error.hint}` : error.message, ...tail].join('\n  ')
  }
  return causeChain(error)
    .messages.map((message) => message.replace(/^Error: /, ''))
    .join('\n  caused by ')
}

try {
  await main()
  process.exit(0)
} catch (error) {
  if (interrupted.aborted) process.exit(130)
  process.stderr.write(`\nThe demo failed: ${describeFailure(error)}\n`)
  process.exit(1)
}
