/**
 * Sees when a run goes in circles: the same call with the same result, the same error, two calls in turn, replies that do
 * nothing. The first time the model is told, the second time the run ends. Owns: what counts as a circle. Must not know: how
 * tools run.
 */
import { ALTERNATING_TIMES, GUARD_WINDOW_CALLS, IDLE_REPLIES, SAME_ERROR_TIMES, SAME_RESULT_TIMES } from './defaults.ts'

export interface SeenCall {
  tool: string
  input: unknown
  outcome: 'ok' | 'error' | 'interrupted'
  output: string
  /** The call changed a file: the same command after it is no repetition. */
  changedFiles: boolean
}

export type GuardVerdict = { kind: 'go' } | { kind: 'nudge'; text: string } | { kind: 'stop'; text: string }

export interface LoopGuard {
  record(call: SeenCall): void
  /** After the calls of a step. */
  judge(): GuardVerdict
  /** A reply without a tool call that does not end the run; `nudge` is what the model then reads. */
  judgeIdleReply(nudge: string): GuardVerdict
}

interface Entry {
  call: string
  result: string
  tool: string
  error: string | null
}

/** "3.4 s", "120ms": two runs of one command differ in them always. */
const DURATIONS = /\b\d+(\.\d+)? ?(ms|s|sec|seconds)\b/g

export function createLoopGuard(): LoopGuard {
  let recent: Entry[] = []
  let sinceChange: Entry[] = []
  let idleReplies = 0
  let warned = false

  return {
    record({ tool, input, outcome, output, changedFiles }) {
      idleReplies = 0
      const call = `${tool} ${JSON.stringify(input)}`
      const words = output.replace(DURATIONS, '')
      const entry = {
        call,
        tool,
        result: `${outcome} ${words}`,
        error: outcome === 'error' ? `${tool} ${words}` : null,
      }
      if (changedFiles) sinceChange = []
      recent = [...recent, entry].slice(-GUARD_WINDOW_CALLS)
      sinceChange = [...sinceChange, entry].slice(-GUARD_WINDOW_CALLS)
    },
    judge() {
      const circle = findCircle(recent, sinceChange)
      if (circle === null) return { kind: 'go' }
      recent = []
      sinceChange = []
      if (warned) return { kind: 'stop', text: `The agent went in circles: ${circle}, and went on after it was told.` }
      warned = true
      return {
        kind: 'nudge',
        text: `You seem to go in circles: ${circle}. Doing the same again will not help. Look at what you know, then try another way; if there is none, say what stands in the way and stop. The run ends if this goes on.`,
      }
    },
    judgeIdleReply(nudge) {
      idleReplies += 1
      if (idleReplies < IDLE_REPLIES) return { kind: 'nudge', text: nudge }
      return { kind: 'stop', text: `${IDLE_REPLIES} replies in a row called no tool and did not end the work.` }
    },
  }
}

function findCircle(recent: Entry[], sinceChange: Entry[]): string | null {
  const last = sinceChange.at(-1)
  if (last === undefined) return null
  const sameError = sinceChange.filter((entry) => entry.error !== null && entry.error === last.error).length
  if (sameError >= SAME_ERROR_TIMES) return `${last.tool} failed ${sameError} times with the same error`
  const sameResult = sinceChange.filter((entry) => entry.call === last.call && entry.result === last.result).length
  if (sameResult >= SAME_RESULT_TIMES) return `the same ${last.tool} call gave the same result ${sameResult} times`
  return alternates(recent) ? `two calls took turns ${ALTERNATING_TIMES} times` : null
}

function alternates(entries: Entry[]): boolean {
  const calls = entries.slice(-2 * ALTERNATING_TIMES).map((entry) => entry.call)
  const [first, second] = calls
  if (calls.length < 2 * ALTERNATING_TIMES || first === second) return false
  return calls.every((call, index) => call === (index % 2 === 0 ? first : second))
}
