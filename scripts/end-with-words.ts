import { StartRefused } from '../lib/composition/start-refused.ts'
import { SettingsError } from '../lib/config.ts'
import { isBerthError } from '../lib/errors.ts'
import { causeChain } from '../lib/logger.ts'
import { WrongArguments } from './command-line.ts'

/** Runs a script's work. What fails ends it with words on standard error, and status 1, or 2 where the command line was wrong. */
export async function endWithWords(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    process.exitCode = error instanceof WrongArguments ? 2 : 1
    if (error instanceof WrongArguments || error instanceof SettingsError || error instanceof StartRefused)
      console.error(error.message)
    else if (isBerthError(error)) console.error(error.hint ? `${error.message} ${error.hint}` : error.message)
    else console.error(causeChain(error).messages.join('\n  caused by '))
  }
}
