/** Why a run cannot be begun. */
export type ExecutorErrorCode = 'run_in_progress' | 'history_needed'

export class ExecutorError extends Error {
  readonly code: ExecutorErrorCode
  constructor(code: ExecutorErrorCode, message: string) {
    super(message)
    this.name = 'ExecutorError'
    this.code = code
  }
}
