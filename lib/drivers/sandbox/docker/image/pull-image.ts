/** Gets an image from its registry, and says in words why not. */
import { BerthError } from '../../../../errors.ts'
import type { ImageEngine } from '../engine/engine.ts'

/** A registry that says nothing for so long is not there; while bytes arrive it may take longer. */
const PULL_SILENCE_MS = 20_000

export interface Pull {
  name: string
  onProgress(line: string): void
  signal: AbortSignal
}

/** Null when it is there now, else why not, for a person. */
export async function pullImage(engine: ImageEngine, { name, signal, onProgress }: Pull): Promise<string | null> {
  onProgress(`Pulling ${name}`)
  const silence = new AbortController()
  const expire = () => silence.abort(new Error(`no answer for ${PULL_SILENCE_MS / 1_000} s`))
  let timer = setTimeout(expire, PULL_SILENCE_MS)
  try {
    for await (const message of await engine.pull(name, AbortSignal.any([signal, silence.signal]))) {
      clearTimeout(timer)
      timer = setTimeout(expire, PULL_SILENCE_MS)
      if (message.error !== undefined) return message.error
      if (message.status === 'Pull complete') onProgress(`  layer ${message.id ?? ''} is here`)
    }
    return null
  } catch (error) {
    signal.throwIfAborted()
    if (silence.signal.aborted) return String(silence.signal.reason.message)
    if (error instanceof BerthError) throw error
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}
