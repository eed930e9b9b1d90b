import { StartRefused } from '../lib/composition/start-refused.ts'
import { SettingsError } from '../lib/config.ts'
import { isBerthError } from '../lib/errors.ts'
import { causeChain } from '../lib/logger.ts'

/** Runs a script's work. What fails ends it with status 1 and with words on standard error. */
export async function endWithWords(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    process.exitCode = 1
    if (error instanceof SettingsError || error instanceof StartRefused) console.error(error.message)
    else if (isBerthError(error)) console.error(error.hint ? `${error.message} ${error.hint}` : error.message)
    else console.error(causeChain(error).messages.join('\n  caused by '))
  }
}
