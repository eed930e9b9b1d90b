/** Refusals that are answers. */
import { EngineRefusal, isRefusal } from './engine.ts'

/** Null where the engine knows no such thing. */
export async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    if (isRefusal(error, 404)) return null
    throw error
  }
}

/** These refusals mean that it is so already. */
export async function unlessStatus(accepted: number[], call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof EngineRefusal && accepted.includes(error.statusCode))) throw error
  }
}
