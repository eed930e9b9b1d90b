/**
 * A run that waits to ask its model again: in one line, and whether it is in such a wait.
 * Owns: those words. Must not know: React, how long is waited and how often.
 */
import type { Turn } from './transcript-types.ts'

export const WAITS_FOR_MODEL = 'waits for its model'

/** How the bridge ends what it says of a try that failed. */
const FOLLOWS = /\s*Attempt (\d+) follows in (\d+ s)\.$/

/** When it goes on stands first: what a line has no room for are the provider's own words. */
export function describeWait(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim()
  const follows = FOLLOWS.exec(line)
  if (follows === null) return line
  const [end, attempt, wait] = follows
  return `Waits for its model, attempt ${attempt} in ${wait}: ${line.slice(0, -end.length)}`
}

/** True from a try that failed until something of an answer comes, or the run ends. */
export function waitsForModel(turn: Turn | undefined): boolean {
  return turn !== undefined && turn.end === null && turn.entries.at(-1)?.kind === 'retried'
}
