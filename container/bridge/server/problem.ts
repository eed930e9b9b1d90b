/** How the bridge says no: a status, a code of the contract and words, as JSON. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { toGitProblem } from '../git/git-problem.ts'
import { JournalError } from '../journal/journal-error.ts'

export class HttpProblem extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.name = 'HttpProblem'
    this.status = status
    this.code = code
  }
}

const STATUS: Record<string, number> = {
  run_in_progress: 409,
  history_needed: 409,
  state_conflict: 409,
  repository_not_found: 422,
  repository_forbidden: 422,
  branch_not_found: 422,
  empty_repository: 422,
  disk_full: 507,
  sandbox_lost: 502,
  upstream_failed: 502,
}

/** The answer to any failure; null for a defect. */
export function toHttpProblem(error: unknown): HttpProblem | null {
  if (error instanceof HttpProblem) return error
  const known = toGitProblem(error) ?? (error instanceof JournalError ? error : findCoded(error))
  return known && new HttpProblem(STATUS[known.code] ?? 500, known.code, known.message)
}

/** Errors of the executor carry their code, whatever their class. */
function findCoded(error: unknown): { code: string; message: string } | null {
  if (!(error instanceof Error) || !('code' in error)) return null
  const { code } = error
  return code === 'run_in_progress' || code === 'history_needed' ? { code, message: error.message } : null
}

export function problemBody({ code, message }: HttpProblem): { code: string; message: string } {
  return { code, message }
}

/** For upgrades, where there is no response object. Ends the connection. */
export function writeRawProblem(socket: Duplex, problem: HttpProblem): void {
  const body = JSON.stringify(problemBody(problem))
  socket.end(
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? 'Error'}\r\n` +
      'content-type: application/json\r\nconnection: close\r\n' +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  )
}
