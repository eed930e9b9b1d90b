/** The work that is disturbed: steps whose traces show whether any was lost or done twice. */
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import type { Reply, Script, ScriptedToolCall } from '../../scripts/stand-ins/model/script.ts'

export const STEPS = 12
/** Each step appends its number here, once. */
export const TRACE_FILE = 'trace.txt'

/** What the file holds in the end, unless a call was cut off. */
export const traces = Array.from({ length: STEPS }, (_, index) => [`${index + 1}a`, `${index + 1}b`]).flat()

/** Tasks that begin so take their time: a second strike is still within the run. */
export const LONG_WORK = 'Long: '

const append = (step: number, part: string, seconds: number): ScriptedToolCall => ({
  ...runCommand(`echo ${step}${part} >> ${TRACE_FILE}; sleep ${seconds}; cat ${TRACE_FILE} | wc -l`, 60),
  id: `call_${step}${part}`,
})

/**
 * A model that knows by the conversation alone how far the work is: asked for the same step again after a fault, it gives the same
 * answer. Words after the first task (a new instruction) are answered at once.
 */
export const disturbedWork: Script = ({ body, conversation }): Reply => {
  const last = body.messages.findLast(({ role }) => role === 'user')
  const answers = body.messages.filter(({ role }) => role === 'assistant').length
  if (last !== undefined && textOf(last.content).includes('Say hello')) return { text: 'Hello.' }
  const step = answers + 1
  if (step > STEPS) return { text: `All ${STEPS} steps of "${conversation.slice(0, 20)}" are done.` }
  const seconds = conversation.includes(LONG_WORK) ? 0.3 : (step % 5) / 100
  return { text: `Step ${step}.`, toolCalls: [append(step, 'a', seconds), append(step, 'b', seconds)] }
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content)
}
