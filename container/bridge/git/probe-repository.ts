/**
 * Asks the broker for the repository before git does: git has one exit code for everything, the broker answers with a code.
 * Smart HTTP, the first request of a fetch (gitprotocol-http(5)), in version 2, where the answer is small.
 */
import { GIT_AUTHORITY, REFUSAL_CODE_HEADER, REFUSAL_REASON_HEADER } from '../../contract/tunnel.ts'
import { GitProblem } from './git-problem.ts'

const TIMEOUT_MS = 60_000

/** Throws GitProblem when the repository cannot be fetched. */
export type ProbeRepository = (repository: string, signal?: AbortSignal) => Promise<void>

export function createRepositoryProbe(tunnelFetch: typeof fetch): ProbeRepository {
  return async (repository, signal) => {
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    const response = await ask(tunnelFetch, repository, signal ? AbortSignal.any([signal, timeout]) : timeout)
    await response.body?.cancel()
    if (response.ok) return
    const code = response.headers.get(REFUSAL_CODE_HEADER) ?? codeOf(response.status)
    const reason = response.headers.get(REFUSAL_REASON_HEADER)
    throw new GitProblem(code, reason ?? `${repository} cannot be fetched: the forge answered ${response.status}.`)
  }
}

async function ask(tunnelFetch: typeof fetch, repository: string, signal: AbortSignal): Promise<Response> {
  const url = `http://${GIT_AUTHORITY}/${repository}.git/info/refs?service=git-upload-pack`
  try {
    return await tunnelFetch(url, { headers: { 'git-protocol': 'version=2', 'user-agent': 'git/berth' }, signal })
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error)
    throw new GitProblem('upstream_failed', `The forge could not be asked for ${repository}: ${words}`)
  }
}

function codeOf(status: number): string {
  if (status === 404) return 'repository_not_found'
  return status === 401 || status === 403 ? 'repository_forbidden' : 'upstream_failed'
}
