/** Where the project lies and how its steps speak. Runs on Node 20 without node_modules, as all of scripts/set-up does. */
import { fileURLToPath } from 'node:url'
import { endWithNpm } from './end-with-npm.mjs'

/** Absolute, without a slash at its end. */
export const projectDirectory = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Options for a Node that is started with an `ipc` channel: it ends when this process is gone, or is ended then. */
export const endWithParent = ['--import', new URL('./end-with-parent.mjs', import.meta.url).href]
export const endAtOnceWithParent = ['--import', new URL('./end-with-parent.mjs?at-once', import.meta.url).href]

/** What went wrong is in the message, for the person at the terminal; a stack would say nothing more. */
export class SetUpError extends Error {}

/** To standard error: standard output belongs to what is run. */
export function say(line) {
  process.stderr.write(`${line}\n`)
}

/** `41 s`, `0.3 s` or `2 min 5 s`. */
export function describeDuration(milliseconds) {
  const seconds = milliseconds / 1_000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
}

/** Runs `main`; a SetUpError ends the process with its message and status 1. */
export async function runMain(main) {
  const stopWatching = endWithNpm()
  try {
    await main()
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error
    say(error.message)
    process.exitCode = 1
  } finally {
    stopWatching()
  }
}
