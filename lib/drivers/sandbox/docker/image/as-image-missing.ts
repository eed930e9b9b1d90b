/** What a build stumbles over, told as the image's: the rest of an installation works without it. */
import { BerthError } from '../../../../errors.ts'
import { EngineRefusal } from '../engine/engine.ts'
import { ProgramFailure } from './run-program.ts'

/** Runs `work`; a program that failed, a file that cannot be written, or a no of the engine becomes `image_missing`. */
export async function asImageMissing<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof BerthError || !(error instanceof Error) || !isOfTheMachine(error)) throw error
    throw new BerthError('image_missing', `The agent image cannot be made: ${error.message}.`, {
      hint: 'Once that is mended: npm run build-container',
      details: { logTail: error instanceof ProgramFailure ? error.tail : [] },
      cause: error,
    })
  }
}

function isOfTheMachine(error: Error): boolean {
  return error instanceof EngineRefusal || error instanceof ProgramFailure || 'code' in error
}
