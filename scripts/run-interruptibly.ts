/**
 * Runs a script that leaves nothing behind: whatever ends it early (Ctrl+C, an error outside of any call, nobody reading its
 * output) aborts one signal, the work takes its things away, and only then the process ends.
 */
import { StartRefused } from '../lib/composition/start-refused.ts'
import { SettingsError } from '../lib/config.ts'
import { isBerthError } from '../lib/errors.ts'
import { causeChain } from '../lib/logger.ts'
import { WrongArguments } from './command-line.ts'

/** A signal that comes so much later than the first means "at once": Ctrl+C arrives twice, from the terminal and from npm. */
const IMPATIENT_MS = 2_000

class Interrupted extends Error {}

/** `name` as in "The demo failed". Ends the process: 0, 1 with words on standard error, 2 for a wrong command line, or 130 after a signal. */
export async function runInterruptibly(name: string, work: (ending: AbortController) => Promise<void>): Promise<never> {
  const ending = new AbortController()
  endOnSignal(name, ending)
  process.on('uncaughtException', (error) => ending.abort(error))
  process.stdout.on('error', (error) => ending.abort(error))
  try {
    await work(ending)
    return process.exit(0)
  } catch (error) {
    const { aborted, reason } = ending.signal
    if (reason instanceof Interrupted) return process.exit(130)
    if (error instanceof WrongArguments) {
      process.stderr.write(`${error.message}\n`)
      return process.exit(2)
    }
    process.stderr.write(`\nThe ${name} failed: ${describeFailure(aborted ? reason : error)}\n`)
    return process.exit(1)
  }
}

function endOnSignal(name: string, ending: AbortController): void {
  let asked = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!ending.signal.aborted) {
        asked = performance.now()
        process.stderr.write(`\nEnding the ${name} and removing what it made ...\n`)
        ending.abort(new Interrupted())
      } else if (performance.now() - asked > IMPATIENT_MS) {
        process.exit(130)
      }
    })
  }
}

/** What failed in words; what then also failed while it was cleaned up comes after it. */
export function describeFailure(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${describeFailure(error.suppressed)}\nCleaning up failed too: ${describeFailure(error.error)}`
  }
  if (error instanceof SettingsError || error instanceof StartRefused) return error.message
  if (isBerthError(error)) {
    const tail = Array.isArray(error.details?.logTail) ? error.details.logTail : []
    return [error.hint ? `${error.message} ${error.hint}` : error.message, ...tail].join('\n  ')
  }
  return causeChain(error)
    .messages.map((message) => message.replace(/^Error: /, ''))
    .join('\n  caused by ')
}
