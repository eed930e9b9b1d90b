/** Which places of a request the provider is asked to cache, where it has to be asked. */
import type { ModelMessage, SystemModelMessage } from 'ai'

const EPHEMERAL = { openrouter: { cacheControl: { type: 'ephemeral' } } }

interface Unmarked {
  modelId: string
  instructions: string
  messages: readonly ModelMessage[]
}

/**
 * Anthropic caches up to the places that are marked and looks for earlier ones a few blocks back only: the system prompt
 * (with the tools before it), where the last request ended, and where this one ends.
 */
export function markCache({ modelId, instructions, messages }: Unmarked): {
  instructions: SystemModelMessage
  messages: ModelMessage[]
} {
  const marked = [...messages]
  if (!modelId.startsWith('anthropic/'))
    return { instructions: { role: 'system', content: instructions }, messages: marked }
  let marks = 2
  for (let index = marked.length - 1; index >= 0 && marks > 0; index -= 1) {
    const message = marked[index]
    if (message === undefined || (message.role !== 'user' && message.role !== 'tool')) continue
    marked[index] = withMark(message)
    marks -= 1
  }
  return { instructions: { role: 'system', content: instructions, providerOptions: EPHEMERAL }, messages: marked }
}

/** Of a tool message only the last result: each mark counts, and there are four. */
function withMark(message: Extract<ModelMessage, { role: 'user' | 'tool' }>): ModelMessage {
  if (message.role === 'user') return { ...message, providerOptions: EPHEMERAL }
  const last = message.content.length - 1
  return {
    ...message,
    content: message.content.map((part, index) =>
      index === last && part.type === 'tool-result' ? { ...part, providerOptions: EPHEMERAL } : part,
    ),
  }
}
