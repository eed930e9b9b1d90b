import { fileURLToPath } from 'node:url'

/** Absolute, without a slash at its end. */
export const projectDirectory = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
