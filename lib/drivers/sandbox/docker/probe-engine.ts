/** Whether the engine answers and can hold sandboxes, in words for a person. */
import { isBerthError } from '../../../errors.ts'
import type { EngineStatus } from '../port.ts'
import type { ContainerEngine } from './engine/engine.ts'
import { type Finding, judgeFacts } from './reach/reach.ts'

/** `found`: how bridges are reached, where that is known already. */
export async function probeEngine(engine: ContainerEngine, found: Finding | null = null): Promise<EngineStatus> {
  try {
    const { version } = await engine.version()
    const { storageDriver, ...info } = await engine.info()
    const known = found ?? judgeFacts({ platform: process.platform, address: engine.address, ...info })
    const throughExec = known?.reach === 'relay' ? '; bridges are reached through exec' : ''
    return { reachable: true, description: `Docker ${version} (${storageDriver}${throughExec})`, version }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const hint = isBerthError(error) && error.hint !== undefined ? ` ${error.hint}` : ''
    return { reachable: false, description: `${error.message}${hint}`, version: null }
  }
}
