/** Whether the engine answers and can hold sandboxes, in words for a person. */
import { isBerthError } from '../../../errors.ts'
import type { EngineStatus } from '../port.ts'
import type { ContainerEngine } from './engine/engine.ts'
import type { ReachFinder } from './reach/reach.ts'

export async function probeEngine(engine: ContainerEngine, finder: ReachFinder): Promise<EngineStatus> {
  try {
    const { version } = await engine.version()
    const { storageDriver } = await engine.info()
    const throughExec = (await finder.peek())?.reach === 'relay' ? '; bridges are reached through exec' : ''
    return { reachable: true, description: `Docker ${version} (${storageDriver}${throughExec})`, version }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const hint = isBerthError(error) && error.hint !== undefined ? ` ${error.hint}` : ''
    return { reachable: false, description: `${error.message}${hint}`, version: null }
  }
}
