/** The numbers of the loop, all of them. What a tool may read or print stands with the tools. */
import { UPSTREAM_SILENCE_MS } from '../../contract/tunnel.ts'

/** Part of a limit at which the model is told. */
export const WARN_AT = 0.8

/** Waits between attempts at one model call: doubled from the first, shortened by up to half at random. */
export const RETRY_FIRST_MS = 1_000
export const RETRY_LONGEST_MS = 30_000
/**
 * All waits for one model call together, then the run ends. An answer that stood still counts as STALL_MS, one that never came too,
 * so that either is asked for once more.
 */
export const RETRY_TOTAL_MS = 5 * 60_000
/** An answer of which no byte comes for so long is given up and asked for again. */
export const STALL_MS = 180_000
/**
 * The last stage of a start: however often the first answer of a run is asked for, a provider has so long to begin it, as long as
 * the gateway waits for one try. Keep-alives are a beginning, for a model may think in silence.
 */
export const FIRST_ANSWER_MS = UPSTREAM_SILENCE_MS
/** With less time left for it no further try is begun. */
export const SHORTEST_TRY_MS = 30_000
/** For the gateway to say that it waited in vain. */
export const GATEWAY_MARGIN_MS = 10_000
/** A head that no byte follows is waited on for nearly as long as the gateway would: its end of it would not be known for silence. */
export const FIRST_BYTE_MS = UPSTREAM_SILENCE_MS - GATEWAY_MARGIN_MS

/**
 * After a cancel a tool has so long to hand over what it has; then the run ends without it. Longer than a command that
 * ignores TERM is given, so that nothing of it is left when the run is over.
 */
export const CANCEL_GRACE_MS = 450

/** The loop guard looks at so many of the latest calls. */
export const GUARD_WINDOW_CALLS = 12
export const SAME_RESULT_TIMES = 4
export const SAME_ERROR_TIMES = 3
export const ALTERNATING_TIMES = 6
/** Replies in a row without a tool call that do not end the run: cut, empty, or with tasks left over. */
export const IDLE_REPLIES = 3

/** With tasks left over, the list is recited after so many steps without an update. */
export const RECITE_TASKS_STEPS = 10

/** AGENTS.md and the like, in all. */
export const INSTRUCTION_BYTES = 32 * 1024
/** A larger file is not read at all. */
export const INSTRUCTION_FILE_BYTES = 1024 * 1024
export const INSTRUCTION_FILES = ['AGENTS.md', 'CLAUDE.md']

/** Tools that change nothing: a step that asks for these alone runs them side by side. */
export const READ_ONLY_TOOLS: ReadonlySet<string> = new Set([
  'read_file',
  'list_directory',
  'search_files',
  'find_files',
  'git_status',
  'git_diff',
  'git_log',
])

/** The result of a call that was open when a person interrupted the step. */
export const INTERRUPTED_BY_WORDS =
  'Interrupted: the person spoke while this call ran, and it was ended. It may have taken effect in part or in full: look before you run it again.'
