export class TunnelError extends Error {
  /** `down`: no tunnel within the time given. `flooded`: too many wait already. `lost`: it went away under the request. */
  readonly code: 'down' | 'flooded' | 'lost'
  constructor(code: 'down' | 'flooded' | 'lost', message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'TunnelError'
    this.code = code
  }
}
