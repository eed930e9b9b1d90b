/**
 * What a scripted model says: replies in order, one list for each conversation. Owns: which reply a request gets. Must not
 * know: the wire they are sent on.
 */

export interface ScriptedToolCall {
  name: string
  /** An object is sent as its JSON; a string is sent as it is, to play malformed arguments. */
  input: unknown
  id?: string
}

export interface ScriptedUsage {
  promptTokens?: number
  completionTokens?: number
  cachedTokens?: number
  reasoningTokens?: number
  /** US dollars; null: the answer has no cost. */
  costUsd?: number | null
}

/** One answer of the model. */
export interface Reply {
  reasoning?: string
  text?: string
  toolCalls?: ScriptedToolCall[]
  /** Default: `tool_calls` with calls, else `stop`. Null: the stream ends without one. */
  finish?: string | null
  usage?: ScriptedUsage
  /** Between two chunks; default: the server's. */
  delayMs?: number
  /** Length of one piece of text; default: the server's. */
  fragmentChars?: number
  /** More headers of the answer. */
  headers?: Record<string, string>
  /** Say nothing at all, not even a head, and keep the connection open; or drop it. */
  beforeHead?: 'silence' | 'reset'
  /** Answer with an error instead, or with any other document: `body` replaces OpenRouter's shape. */
  error?: {
    status: number
    message: string
    metadata?: Record<string, unknown>
    headers?: Record<string, string>
    body?: string
  }
  /** After the content, an error in the stream (status 200). */
  midStreamError?: { code: number | string; message: string }
  /** A line that is no JSON after so many data chunks; the stream goes on. */
  garbageAfterChunks?: number
  /** Drop the connection after so many data chunks. */
  cutAfterChunks?: number
  /** Say nothing more after so many data chunks, and keep the connection open. */
  hangAfterChunks?: number
  /** Waited for before each data chunk, and told how many went before it. */
  beforeChunk?: (sent: number) => void | Promise<void>
}

export interface ChatMessage {
  role: string
  content?: unknown
  tool_calls?: { id: string; function: { name: string; arguments: string } }[]
  tool_call_id?: string
}

export interface ChatBody {
  model: string
  messages: ChatMessage[]
  stream?: boolean
  tools?: { type: string; function: { name: string; description?: string; parameters?: unknown } }[]
  max_tokens?: number
  [field: string]: unknown
}

export interface ModelRequest {
  body: ChatBody
  /** Text of the first message of role `user`. */
  conversation: string
  /** How many replies this conversation had before. */
  turn: number
  /** Results of the tools called last, in order. */
  toolResults: { toolCallId: string; text: string }[]
}

export type ScriptStep = Reply | ((request: ModelRequest) => Reply | Promise<Reply>)

/**
 * - a list: played from its beginning in each conversation;
 * - lists by marker: the first whose key occurs in the system or the first user message;
 * - a function: asked each time; null means that it has no answer.
 */
export type Script = ScriptStep[] | Record<string, ScriptStep[]> | ((request: ModelRequest) => Reply | null)

/** Thrown by a step that will not go on, because what it sees in the request is not what the script is for. */
export class ScriptRefusal extends Error {
  override name = 'ScriptRefusal'
}

/** Reads a request as the script sees it; `turn` comes from the caller. */
export function readModelRequest(body: ChatBody, turn: number): ModelRequest {
  const lastAssistant = body.messages.findLastIndex(({ role }) => role === 'assistant')
  const toolResults = body.messages
    .slice(lastAssistant + 1)
    .filter(({ role }) => role === 'tool')
    .map(({ tool_call_id = '', content }) => ({ toolCallId: tool_call_id, text: contentText(content) }))
  return { body, conversation: conversationOf(body), turn, toolResults }
}

export function conversationOf(body: ChatBody): string {
  return contentText(body.messages.find(({ role }) => role === 'user')?.content)
}

/** The text of a message's content: a string, or the text parts of a list. */
export function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content
    .map((part: unknown) =>
      typeof part === 'object' && part !== null && 'text' in part && typeof part.text === 'string' ? part.text : '',
    )
    .join('')
}

/** The reply for a request. Throws ScriptRefusal, with words, when the script has none. */
export async function chooseReply(script: Script, request: ModelRequest): Promise<Reply> {
  if (typeof script === 'function') {
    const reply = script(request)
    if (reply === null) throw new ScriptRefusal(`The script has no answer for turn ${request.turn + 1}.`)
    return reply
  }
  const steps = Array.isArray(script) ? script : findMarked(script, request)
  const step = steps[request.turn]
  if (step === undefined) {
    throw new ScriptRefusal(`The script ends after ${steps.length} replies; this is request ${request.turn + 1}.`)
  }
  return typeof step === 'function' ? await step(request) : step
}

function findMarked(script: Record<string, ScriptStep[]>, request: ModelRequest): ScriptStep[] {
  const system = contentText(request.body.messages.find(({ role }) => role === 'system')?.content)
  const marker = Object.keys(script).find((key) => request.conversation.includes(key) || system.includes(key))
  if (marker === undefined) {
    const known = Object.keys(script).join(', ')
    throw new ScriptRefusal(`No script is marked for this conversation. Markers: ${known}.`)
  }
  return script[marker] ?? []
}
