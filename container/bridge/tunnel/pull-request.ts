/** Asks the control plane, over the control tunnel, to open or update this agent's pull request (forge.berth). */
import { z } from 'zod'
import {
  FORGE_AUTHORITY,
  type PullRequestAnswer,
  type PullRequestRequest,
  REFUSAL_REASON_HEADER,
  RUN_HEADER,
} from '../../contract/tunnel.ts'

const answer = z.looseObject({ number: z.number(), url: z.string(), action: z.enum(['opened', 'updated']) })
const problem = z.looseObject({ error: z.looseObject({ message: z.string() }) })

/** What it throws are words for the model: the control plane's own where it gave any. */
export function createPullRequestOpener(
  tunnelFetch: typeof fetch,
): (request: PullRequestRequest, options: { runId: string; signal: AbortSignal }) => Promise<PullRequestAnswer> {
  return async (request, { runId, signal }) => {
    const response = await tunnelFetch(`http://${FORGE_AUTHORITY}/pull-request`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', [RUN_HEADER]: runId },
      body: JSON.stringify(request),
      signal,
    })
    const body = parseJson(await response.text())
    const parsed = answer.safeParse(body)
    if (response.ok && parsed.success) return parsed.data
    const said = problem.safeParse(body)
    throw new Error(
      response.headers.get(REFUSAL_REASON_HEADER) ??
        (said.success ? said.data.error.message : undefined) ??
        `The pull request was not opened: the control plane answered ${response.status}.`,
    )
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
