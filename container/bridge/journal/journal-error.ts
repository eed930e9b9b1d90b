/** `disk_full`: nothing of the line was kept. `failed`: the file could not be written or read; the message says why. */
export class JournalError extends Error {
  readonly code: 'disk_full' | 'failed'
  constructor(code: 'disk_full' | 'failed', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'JournalError'
    this.code = code
  }
}
