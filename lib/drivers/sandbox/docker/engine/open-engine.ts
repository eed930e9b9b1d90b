/** The one place that speaks to dockerode: both engine ports over one address. */
import Docker from 'dockerode'
import { createContainerCalls } from './container-calls.ts'
import type { ContainerEngine, EngineInspection, ImageEngine } from './engine.ts'
import { toEngineError } from './engine-error.ts'
import { describeEngineAddress, findEngine } from './find-engine.ts'
import { createImageCalls } from './image-calls.ts'
import { createInspectionCalls } from './inspection-calls.ts'
import { createProcessCalls } from './process-calls.ts'
import { createVolumeCalls } from './volume-calls.ts'

/** An answer is waited for this long; builds, pulls, events and waiting for an end have deadlines of their own. */
const ANSWER_TIMEOUT_MS = 30_000

export interface OpenEngine extends ContainerEngine, ImageEngine, EngineInspection {}

/** What the calls share: one client with a deadline, one without, and the translation of errors. */
export interface EngineClients {
  short: Docker
  long: Docker
  /** Runs `call`; what it throws leaves as EngineRefusal or `engine_unreachable`. */
  ask<T>(name: string, call: () => Promise<T>): Promise<T>
}

/** Opens nothing yet: the first call connects. `dockerHost` as in DOCKER_HOST; null finds the usual sockets. */
export function openEngine(dockerHost: string | null): OpenEngine {
  const found = findEngine(dockerHost)
  // Without these, the library fills in what the environment says.
  const unset = { host: undefined, socketPath: undefined, timeout: undefined }
  const address = describeEngineAddress(found)
  const clients: EngineClients = {
    short: new Docker({ ...unset, ...found, timeout: ANSWER_TIMEOUT_MS }),
    long: new Docker({ ...unset, ...found }),
    ask: async (name, call) => {
      try {
        return await call()
      } catch (error) {
        throw toEngineError(error, { address, call: name })
      }
    },
  }
  return {
    address,
    ...createContainerCalls(clients),
    ...createVolumeCalls(clients),
    ...createProcessCalls(clients),
    ...createImageCalls(clients),
    ...createInspectionCalls(clients),
  }
}
