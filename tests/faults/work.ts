/** The work that is disturbed: steps whose traces show whether any was lost or done twice. */
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import type { Reply, Script, ScriptedToolCall } from '../../scripts/stand-ins/model/script.ts'

export const STEPS = 12
/** Each step appends its number here, once. */
export const TRACE_FILE = 'trace.txt'

/** Tasks of the work say so. */
export const DISTURBED = 'Disturbed by: '

/** What the file holds in the end, unless a call was cut off. */
export const traces = Array.from({ length: STEPS }, (_, index) => [`${index + 1}a`, `${index + 1}b`]).flat()

/** Tasks that begin so take their time: a second strike is still within the run. */
export const LONG_WORK = 'Long: '

/** A task before that of the work: one call, so that there is something to go on from. */
export const PREPARATION = 'Prepare the work'

const append = (step: number, part: string, seconds: number): ScriptedToolCall => ({
  ...runCommand(`echo ${step}${part} >> ${TRACE_FILE}; sleep ${seconds}; cat ${TRACE_FILE} | wc -l`, 60),
  id: `call_${step}${part}`,
})

const preparation: ScriptedToolCall = { ...runCommand(`echo prepared >> ${TRACE_FILE}`, 60), id: 'call_prepared' }

/**
 * A model that knows by the conversation alone how far the work is: asked for the same step again after a fault, it gives the same
 * answer. Words after the task (a new instruction) are answered at once.
 */
export const disturbedWork: Script = ({ body, conversation }): Reply => {
  const words = body.messages.map(({ role, content }) => (role === 'user' ? textOf(content) : ''))
  if (words.findLast((said) => said !== '')?.includes('Say hello')) return { text: 'Hello.' }
  const isPrepared = words.some((said) => said.includes(PREPARATION))
  const begin = isPrepared ? words.findIndex((said) => said.includes(DISTURBED)) : 0
  const step = body.messages.slice(Math.max(begin, 0)).filter(({ role }) => role === 'assistant').length + 1
  if (begin < 0) return step === 1 ? { text: 'Preparing.', toolCalls: [preparation] } : { text: 'Prepared.' }
  if (step > STEPS) return { text: `All ${STEPS} steps of "${conversation.slice(0, 20)}" are done.` }
  const seconds = conversation.includes(LONG_WORK) ? 0.3 : (step % 5) / 100
  return { text: `Step ${step}.`, toolCalls: [append(step, 'a', seconds), append(step, 'b', seconds)] }
}

function textOf(content: unknown): string {
  return typeof content === 'string' ? content : JSON.stringify(content)
}
