/**
 * The running product, as the bundled routes reach it: the server puts it on globalThis before it listens, because the
 * server and the routes are separate module graphs.
 */
import { BerthError } from '../errors.ts'
import type { Parts } from '../services/context.ts'

const key = Symbol.for('berth.parts')

export function requireParts(): Parts {
  const parts = (globalThis as { [key]?: Parts })[key]
  if (!parts) {
    throw new BerthError('internal', 'The routes run without the server that makes their parts.', {
      hint: 'Start Berth with `npm start`.',
    })
  }
  return parts
}

export function provideParts(parts: Parts | undefined): void {
  ;(globalThis as { [key]?: Parts | undefined })[key] = parts
}
