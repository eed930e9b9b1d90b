/** The public API as the end-to-end tests use it: what the demo's client has, and the calls that only tests make. */

import type { AgentView, EventView, Page, RunView } from '../../lib/services/agent/schemas.ts'
import { type BerthApi, createBerthApi } from '../../scripts/demo/api-client.ts'

export interface Answer<T = unknown> {
  status: number
  /** Parsed JSON; null where there is none. */
  body: T
}

export interface E2eApi extends BerthApi {
  baseUrl: string
  token: string
  /** Any call, its answer as it is: refusals are answers too. */
  call<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>>
  /** The whole log, from its pages. */
  listEvents(agentId: string): Promise<EventView[]>
  listRuns(agentId: string): Promise<RunView[]>
  listAgents(): Promise<AgentView[]>
}

export function createE2eApi(options: { baseUrl: string; token: string }): E2eApi {
  const call = async <T>(method: string, path: string, body?: unknown): Promise<Answer<T>> => {
    const response = await fetch(`${options.baseUrl}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.token}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as T }
  }
  const list = async <T>(path: string): Promise<T[]> => {
    const items: T[] = []
    let query: string | null = ''
    while (query !== null) {
      const { status, body }: Answer<Page<T>> = await call('GET', `${path}${query}`)
      if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${JSON.stringify(body)}`)
      items.push(...body.items)
      query = body.nextCursor === null ? null : `?cursor=${encodeURIComponent(body.nextCursor)}`
    }
    return items
  }
  return {
    ...createBerthApi(options),
    ...options,
    call,
    listEvents: (agentId) => list(`/api/agents/${agentId}/events`),
    listRuns: (agentId) => list(`/api/agents/${agentId}/runs`),
    listAgents: () => list('/api/agents'),
  }
}
