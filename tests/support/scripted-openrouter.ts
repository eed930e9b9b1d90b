/**
 * A model that plays a script in OpenRouter's wire format: real bytes of a chat completion stream, through any `fetch`. It
 * records every request and throws on one that the script has no turn for.
 */
export interface ScriptedCall {
  id: string
  name: string
  /** An object, or the text of the arguments as it crosses the wire. */
  args: unknown
}

export interface Turn {
  reasoning?: { text: string; signature?: string }
  /** Each piece is a chunk of its own. */
  text?: string | string[]
  calls?: ScriptedCall[]
  /** `finish_reason`; null leaves it out, as a cut stream does. */
  finish?: string | null
  usage?: { input: number; output: number; costUsd?: number }
  /** Answered instead of a stream. */
  refuse?: {
    status: number
    code?: string | number
    message?: string
    param?: string
    headers?: Record<string, string>
  }
  /** After what stands above: an error chunk, a broken socket, silence until the request is aborted, or its end. */
  breaks?: 'error' | 'drop' | 'hang' | 'end'
  /** Called when the request has come, before the first byte is answered. */
  onRequest?: () => void
}

export interface SentRequest {
  url: string
  headers: Headers
  /** The body as it was sent. */
  text: string
  body: {
    model: string
    messages: { role: string; content: unknown; [field: string]: unknown }[]
    tools?: { function: { name: string; parameters: Record<string, unknown> } }[]
    [field: string]: unknown
  }
}

export interface ScriptedModel {
  fetch: typeof fetch
  requests: SentRequest[]
}

export function scriptModel(turns: Turn[]): ScriptedModel {
  const requests: SentRequest[] = []
  const play: typeof fetch = async (input, init) => {
    const text = String(init?.body)
    requests.push({ url: String(input), headers: new Headers(init?.headers), text, body: JSON.parse(text) })
    const turn = turns[requests.length - 1]
    if (turn === undefined) throw new Error(`The script has ${turns.length} turns; this is request ${requests.length}.`)
    turn.onRequest?.()
    if (turn.refuse) return refuse(turn.refuse)
    return new Response(streamTurn(turn, requests.length, init?.signal ?? undefined), {
      headers: { 'content-type': 'text/event-stream' },
    })
  }
  return { fetch: play, requests }
}

function refuse({ status, code, message = 'refused', param, headers }: NonNullable<Turn['refuse']>): Response {
  return Response.json(
    { error: { code: code ?? status, message, ...(param ? { param } : {}) } },
    { status, ...(headers ? { headers } : {}) },
  )
}

function streamTurn(turn: Turn, number: number, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  const lines = [
    ': OPENROUTER PROCESSING\n\n',
    ...chunksOf(turn, number).map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`),
  ]
  const encoder = new TextEncoder()
  return new ReadableStream({
    async start(controller) {
      // Split inside a line, as a network does.
      for (const line of lines) {
        const bytes = encoder.encode(line)
        controller.enqueue(bytes.subarray(0, 7))
        controller.enqueue(bytes.subarray(7))
      }
      if (turn.breaks === 'drop')
        return controller.error(new TypeError('terminated', { cause: new Error('other side closed') }))
      if (turn.breaks === 'hang') {
        const abort = () => controller.error(signal?.reason)
        if (signal?.aborted) return abort()
        return signal?.addEventListener('abort', abort, { once: true })
      }
      if (turn.breaks === undefined) controller.enqueue(encoder.encode('data: [DONE]\n\n'))
      controller.close()
    },
  })
}

function chunksOf(turn: Turn, number: number): unknown[] {
  const base = {
    id: `gen-${number}`,
    provider: 'Scripted',
    model: 'scripted',
    object: 'chat.completion.chunk',
    created: 1,
  }
  const delta = (fields: object) => ({
    ...base,
    choices: [{ index: 0, delta: { role: 'assistant', content: '', ...fields }, finish_reason: null }],
  })
  const chunks: unknown[] = []
  if (turn.reasoning) {
    const { text, signature } = turn.reasoning
    const detail = { type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0 }
    chunks.push(delta({ reasoning: text, reasoning_details: [{ ...detail, text }] }))
    if (signature) chunks.push(delta({ reasoning: null, reasoning_details: [{ ...detail, signature }] }))
  }
  for (const text of [turn.text ?? []].flat()) chunks.push(delta({ content: text }))
  turn.calls?.forEach((call, index) => {
    const args = typeof call.args === 'string' ? call.args : JSON.stringify(call.args)
    const half = Math.ceil(args.length / 2)
    const open = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }
    chunks.push(delta({ content: null, tool_calls: [open] }))
    for (const piece of [args.slice(0, half), args.slice(half)]) {
      chunks.push(delta({ content: null, tool_calls: [{ index, type: 'function', function: { arguments: piece } }] }))
    }
  })
  if (turn.breaks === 'error') {
    const error = { code: 502, message: 'Provider disconnected' }
    chunks.push({ ...base, error, choices: [{ index: 0, delta: { content: '' }, finish_reason: 'error' }] })
    return chunks
  }
  if (turn.breaks !== undefined) return chunks
  const finish = turn.finish === undefined ? (turn.calls ? 'tool_calls' : 'stop') : turn.finish
  if (finish !== null) {
    const last = {
      index: 0,
      delta: { role: 'assistant', content: '' },
      finish_reason: finish,
      native_finish_reason: finish,
    }
    chunks.push({ ...base, choices: [last] })
  }
  const { input, output, costUsd = 0 } = turn.usage ?? { input: 10, output: 5 }
  chunks.push({
    ...base,
    choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }],
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output, cost: costUsd },
  })
  return chunks
}
