/** `npm run demo`: a task becomes a pull request, live on the terminal, in an installation that starts and ends itself. */
import { loadSettings } from '../lib/config.ts'
import { readArguments, USAGE } from './demo/arguments.ts'
import { chooseSandbox } from './demo/choose-sandbox.ts'
import type { Installation } from './demo/installation.ts'
import { planDemo } from './demo/plan.ts'
import { runDemo } from './demo/run-demo.ts'
import { projectDirectory } from './project-directory.ts'
import { runInterruptibly } from './run-interruptibly.ts'

const DEADLINE_MS = 45 * 60_000

const write = (text: string) => void process.stdout.write(text)

await runInterruptibly('demo', async (ending) => {
  const settings = loadSettings(projectDirectory)
  const hasKey = settings.openrouter.apiKey !== null
  const args = readArguments(process.argv.slice(2), hasKey)
  if (args.help) return write(USAGE)
  if (!args.keepOpen) endAfter(DEADLINE_MS, ending)
  const sandbox = await chooseSandbox(settings, args)
  // Commands that a model thinks of are for a container, unless the person says otherwise: without one the script plays.
  const isRealModel = hasKey && !(sandbox.driver === 'process' && sandbox.withoutEngine !== null)
  await runDemo({
    plan: await planDemo(args, isRealModel),
    sandbox,
    settings,
    write,
    colour: process.stdout.isTTY && process.stdout.hasColors(),
    beforeEnd: (installation) => (args.keepOpen ? keepOpen(installation, ending.signal) : Promise.resolve()),
    signal: ending.signal,
  })
})

async function keepOpen(installation: Installation, signal: AbortSignal): Promise<void> {
  write(
    `\n  The dashboard is open until Ctrl+C. Sign in with this link; it works once:\n    ${await installation.signInLink()}\n`,
  )
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

function endAfter(ms: number, ending: AbortController): void {
  setTimeout(() => ending.abort(new Error(`There was no pull request after ${ms / 60_000} minutes.`)), ms).unref()
}
