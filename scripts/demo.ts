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
const ending = new AbortController()
endOnSignal()
// Nothing may be left also when something breaks outside of any call, or nobody reads any more (`npm run demo | head`).
process.on('uncaughtException', (error) => ending.abort(error))
process.stdout.on('error', (error) => ending.abort(error))

async function main(): Promise<void> {
  const settings = loadSettings(projectDirectory)
  const hasKey = settings.openrouter.apiKey !== null
  const args = readArguments(process.argv.slice(2), hasKey)
  if (args.help) return write(USAGE)
  if (!args.keepOpen) endAfter(DEADLINE_MS)
  await runDemo({
    plan: await planDemo(args, hasKey),
    settings,
    write,
    colour: process.stdout.isTTY && process.stdout.hasColors(),
    beforeEnd: (installation) => (args.keepOpen ? keepOpen(installation) : Promise.resolve()),
    signal: ending.signal,
  })
}

async function keepOpen(installation: Installation): Promise<void> {
  write(
    `\n  The dashboard is open until Ctrl+C. Sign in with this link; it works once:\n    ${await installation.signInLink()}\n`,
  )
  await new Promise<void>((resolve) => {
    if (ending.signal.aborted) resolve()
    ending.signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function endAfter(ms: number): void {
  setTimeout(() => ending.abort(new Error(`There was no pull request after ${ms / 60_000} minutes.`)), ms).unref()
}

function endOnSignal(): void {
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
  const { aborted, reason } = ending.signal
  if (reason instanceof Interrupted) process.exit(130)
  process.stderr.write(`\nThe demo failed: ${describeFailure(aborted ? reason : error)}\n`)
  process.exit(1)
}
