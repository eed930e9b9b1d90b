/** What git work ends with when it fails: a code of the contract and words for a person. */
import { WorkspaceError } from '../workspace-port.ts'

export class GitProblem extends Error {
  readonly code: string
  /** Git was waited for in vain. */
  readonly timedOut: boolean
  constructor(code: string, message: string, { timedOut = false } = {}) {
    super(message)
    this.name = 'GitProblem'
    this.code = code
    this.timedOut = timedOut
  }
}

/** The code and words of any failure of git work; null for a defect. */
export function toGitProblem(error: unknown): GitProblem | null {
  if (error instanceof GitProblem) return error
  if (!(error instanceof WorkspaceError)) return null
  const codes: Partial<Record<WorkspaceError['code'], string>> = {
    disk_full: 'disk_full',
    runner_lost: 'sandbox_lost',
  }
  return new GitProblem(codes[error.code] ?? 'upstream_failed', error.message)
}
