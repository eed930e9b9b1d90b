/** Whether the engine answers and can hold sandboxes, in words for a person. */
import { isBerthError } from '../../../errors.ts'
import type { EngineStatus } from '../port.ts'
import type { ContainerEngine } from './engine/engine.ts'

/** With these the users inside are others outside, and the bridge's socket cannot be told from another's. */
const REMAPPED = /^name=(rootless|userns)\b/

export async function probeEngine(engine: ContainerEngine): Promise<EngineStatus> {
  try {
    const { version } = await engine.version()
    const { storageDriver, securityOptions } = await engine.info()
    if (securityOptions.some((option) => REMAPPED.test(option))) {
      return {
        reachable: false,
        description: `Docker ${version} maps users (rootless or userns-remap), which sandboxes do not support yet. Name an engine without it in DOCKER_HOST.`,
        version,
      }
    }
    return { reachable: true, description: `Docker ${version} (${storageDriver})`, version }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const hint = isBerthError(error) && error.hint !== undefined ? ` ${error.hint}` : ''
    return { reachable: false, description: `${error.message}${hint}`, version: null }
  }
}
