/**
 * Berth's public HTTP API as any client uses it: JSON with a bearer token, and the event stream. Knows the documented
 * shapes and nothing of what is behind them.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { AgentView, CreateAgentInput, EventView, RunView } from '../../lib/services/agent/schemas.ts'

export interface BerthApi {
  createAgent(input: CreateAgentInput): Promise<AgentView>
  getAgent(id: string): Promise<AgentView>
  startAgent(id: string): Promise<{ agent: AgentView; run: RunView }>
  resumeAgent(id: string, newTask: string): Promise<{ agent: AgentView; run: RunView }>
  cancelAgent(id: string): Promise<{ agent: AgentView; run: RunView | null }>
  /** `purge`: the volumes, history and record too. */
  deleteAgent(id: string, options: { purge: boolean }): Promise<void>
  /** Events after `after` and then live ones, deltas among them; reconnects by itself and ends with the signal. */
  followAgent(id: string, options: { after?: number; signal: AbortSignal }): AsyncGenerator<EventView, void, void>
}

/** A refusal of the API: `application/problem+json` in words. */
export class ApiProblem extends Error {
  override name = 'ApiProblem'
  readonly status: number
  readonly code: string

  constructor(input: { call: string; status: number; code: string; detail: string }) {
    super(`${input.call} was answered ${input.status} ${input.code}: ${input.detail}`)
    this.status = input.status
    this.code = input.code
  }
}

export function createBerthApi(options: { baseUrl: string; token: string }): BerthApi {
  const headers = { authorization: `Bearer ${options.token}` }
  const send = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${options.baseUrl}${path}`, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw readProblem({ call: `${method} ${path}`, status: response.status, text })
    return text === '' ? null : JSON.parse(text)
  }
  return {
    createAgent: async (input) => (await send('POST', '/api/agents', input)) as AgentView,
    getAgent: async (id) => (await send('GET', `/api/agents/${id}`)) as AgentView,
    startAgent: async (id) => (await send('POST', `/api/agents/${id}/start`)) as { agent: AgentView; run: RunView },
    resumeAgent: async (id, newTask) =>
      (await send('POST', `/api/agents/${id}/resume`, { newTask })) as { agent: AgentView; run: RunView },
    cancelAgent: async (id) =>
      (await send('POST', `/api/agents/${id}/cancel`)) as { agent: AgentView; run: RunView | null },
    deleteAgent: async (id, { purge }) => {
      await send('DELETE', `/api/agents/${id}${purge ? '?purge=true' : ''}`)
    },
    followAgent: (id, { after = 0, signal }) =>
      followEvents({ url: `${options.baseUrl}/api/agents/${id}/events`, headers, after, signal }),
  }
}

function readProblem(input: { call: string; status: number; text: string }): ApiProblem {
  const { call, status, text } = input
  try {
    const { code = 'unknown', detail, title, hint } = JSON.parse(text) as Record<string, string | undefined>
    return new ApiProblem({ call, status, code, detail: [detail ?? title ?? '', hint].filter(Boolean).join(' ') })
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return new ApiProblem({ call, status, code: 'unknown', detail: text.slice(0, 300) })
  }
}

const RECONNECT_MS = 500

async function* followEvents(input: {
  url: string
  headers: Record<string, string>
  after: number
  signal: AbortSignal
}): AsyncGenerator<EventView, void, void> {
  const { url, headers, signal } = input
  let after = input.after
  while (!signal.aborted) {
    try {
      const response = await fetch(url, {
        headers: { ...headers, accept: 'text/event-stream', 'last-event-id': String(after) },
        signal,
      })
      if (!response.ok || response.body === null) {
        throw readProblem({ call: `GET ${url}`, status: response.status, text: await response.text() })
      }
      const messages = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
      for await (const message of messages) {
        const event = JSON.parse(message.data) as EventView
        if (event.seq > after) after = event.seq
        yield event
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof ApiProblem || error instanceof SyntaxError) throw error
      // The connection broke: what was seen last says where to go on.
    }
    await waitUnlessAborted(RECONNECT_MS, signal)
  }
}

function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const settle = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', settle)
      resolve()
    }
    const timer = setTimeout(settle, ms)
    signal.addEventListener('abort', settle, { once: true })
  })
}
