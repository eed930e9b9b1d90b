/** Turns what the client library throws into an EngineRefusal or `engine_unreachable`; told apart by status and errno only. */
import { BerthError } from '../../../../errors.ts'
import { EngineRefusal } from './engine.ts'

const DENIED = new Set(['EACCES', 'EPERM'])

/** `doing` completes the sentence "The Docker engine at X did not ...". Anything that is not of the engine comes back as it is. */
export function toEngineError(error: unknown, doing: { address: string; call: string }): unknown {
  if (!(error instanceof Error)) return error
  if ('statusCode' in error && typeof error.statusCode === 'number') {
    return new EngineRefusal(error.statusCode, readReason(error), error)
  }
  if (!('code' in error) || typeof error.code !== 'string' || error.name === 'AbortError') return error
  const { address, call } = doing
  return new BerthError(
    'engine_unreachable',
    `The Docker engine at ${address} cannot be reached (${call}: ${error.code}).`,
    {
      hint: hintFor(error.code),
      details: { errno: error.code },
      cause: error,
    },
  )
}

/** The engine's own words, without the client library's frame around them. */
function readReason(error: Error): string {
  const body = 'json' in error ? error.json : undefined
  if (typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string') {
    return body.message
  }
  // For streamed answers the words are in the message only, framed by status and reason.
  const frame = 'statusCode' in error && 'reason' in error ? `(HTTP code ${error.statusCode}) ${error.reason} - ` : ''
  return error.message.slice(error.message.startsWith(frame) ? frame.length : 0).trim()
}

function hintFor(errno: string): string {
  if (DENIED.has(errno)) {
    return 'This user may not use the engine: `sudo usermod -aG docker $USER`, then sign in again.'
  }
  return process.platform === 'darwin'
    ? 'Start Docker Desktop: `open -a Docker`; or name a running engine in DOCKER_HOST.'
    : 'Start it: `sudo systemctl start docker` (without systemd: `sudo dockerd`); or name a running engine in DOCKER_HOST.'
}
