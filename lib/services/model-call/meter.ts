/**
 * What the model gateway asks, and the settling of calls that nobody heard to their end. Owns: which calls are under way in this
 * process, so that those of a process that died can be told from them.
 */
import type { ModelAccess } from '../../gateway/ports.ts'
import type { OpenModelCall } from '../../store/stores.ts'
import type { CoreParts } from '../context.ts'
import { beginModelCall } from './begin.ts'
import { settleModelCall, settleOpenCall } from './settle.ts'

export interface ModelMeter {
  access: ModelAccess
  /** Looks at every open call that is not under way: asked again and again, at boot first. Never rejects for one call. */
  settleOpenCalls(): Promise<void>
}

const CALLS_AT_ONCE = 100

export function createModelMeter(parts: CoreParts): ModelMeter {
  const underWay = new Set<string>()
  const complainedOf = new Set<string>()

  const settleOpen = async (call: OpenModelCall) => {
    try {
      if (await settleOpenCall(parts, call)) complainedOf.delete(call.id)
    } catch (error) {
      // It is looked at every few seconds: once is enough to say so.
      if (complainedOf.has(call.id)) return
      complainedOf.add(call.id)
      parts.logger.warn('the price of a model call could not be asked for; what it may cost is held until then', {
        modelCallId: call.id,
        agentId: call.agentId,
        error,
      })
    }
  }

  return {
    access: {
      begin: (call) => beginModelCall(parts, call, underWay),
      noteGeneration: ({ modelCallId, generationId }) =>
        parts.stores.modelCalls.noteGeneration(modelCallId, generationId),
      async settle(call) {
        try {
          await settleModelCall(parts, call)
        } finally {
          underWay.delete(call.modelCallId)
        }
      },
    },
    async settleOpenCalls() {
      const { instanceId, stores } = parts
      const open = await stores.modelCalls.listOpen({ instanceId, limit: CALLS_AT_ONCE })
      for (const call of open) {
        if (!underWay.has(call.id)) await settleOpen(call)
      }
    },
  }
}
