/**
 * The wire between bridge and runner: newline-delimited JSON over a Unix socket. The bridge listens, the runner connects and
 * comes back for ever. Only the bridge asks; whoever is at the other end (anything of the agent's user may connect in the
 * runner's place) can answer and nothing else, so every line from there is checked and its length is bounded.
 *
 *   runner -> bridge  {"hello": {"protocol": 1, "pid": 12}}     first line of a connection
 *   bridge -> runner  {"hello": {"protocol": 1, "proxyPort": 3128}}  in use from now on; the proxy listens on 127.0.0.1
 *   bridge -> runner  {"id": 7, "method": "run", "params": {}}
 *   runner -> bridge  {"id": 7, "chunk": "live output"}         any number of times, `run` only
 *   runner -> bridge  {"id": 7, "result": {}} or {"id": 7, "error": {"code": "not_found", "message": "..."}}
 *   bridge -> runner  {"cancel": 7}                             the call still answers, soon
 *
 * File content crosses as base64. Knows shapes only: no sockets, no files.
 */
import { z } from 'zod'

export const RUNNER_PROTOCOL_VERSION = 1

/** Longest line either side accepts, without its newline. */
export const MAX_RUNNER_LINE_BYTES = 16 * 1024 * 1024
/** Largest file that crosses in one piece: base64 of it, and some, fits a line. */
export const MAX_RUNNER_FILE_BYTES = 10 * 1024 * 1024
/** Most characters of live output that one call streams; what comes after is in the result and its file. */
export const MAX_LIVE_OUTPUT_CHARS = 1024 * 1024

/** Variable of everything that a command starts: the runner's identity, a dot, and a name of the command's own. */
export const COMMAND_MARK = 'BERTH_COMMAND'

/** How long a command has between TERM and KILL when its time is up, and when a person cancels it. */
export const COMMAND_GRACE_MS = { timeout: 2_000, cancel: 200 } as const

const text = z.string()
const count = z.number().int().nonnegative()
/** Not `z.base64()`: its pattern would walk megabytes, and what does not decode only gives other bytes. */
const base64 = z.string()
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)

export const workspaceErrorCode = z.enum([
  'not_found',
  'outside_workspace',
  'is_directory',
  'not_a_directory',
  'permission_denied',
  'too_large',
  'conflict',
  'disk_full',
  'runner_lost',
  'failed',
])

const fileStat = z.object({
  path: text,
  kind: z.enum(['file', 'directory', 'link', 'other']),
  size: z.number().nonnegative(),
  mtimeMs: z.number(),
})

const commandRequest = z.object({
  command: z.union([z.object({ argv: z.array(text).min(1) }), z.object({ line: text })]),
  cwd: text.optional(),
  timeoutMs: z.number().positive(),
  env: z.record(text, text).optional(),
  maxOutputChars: count,
  input: text.optional(),
})

const commandResult = z.object({
  exitCode: z.number().int().nullable(),
  signal: text.nullable(),
  timedOut: z.boolean(),
  cancelled: z.boolean(),
  durationMs: z.number().nonnegative(),
  output: text,
  truncated: z.boolean(),
  outputPath: text.nullable(),
})

/** The methods of the Workspace port, as they cross. `bytes` is base64. */
export const runnerMethods = {
  stat: { params: z.object({ path: text }), result: fileStat.nullable() },
  readFile: {
    params: z.object({ path: text, maxBytes: count }),
    result: fileStat.extend({ bytes: base64, sha256 }),
  },
  writeFile: {
    /** `expect` absent: whatever is there is replaced. Null: nothing may be there. */
    params: z.object({ path: text, bytes: base64, expect: sha256.nullable().optional() }),
    result: z.object({ sha256, created: z.boolean() }),
  },
  list: { params: z.object({ path: text }), result: z.array(fileStat) },
  suggest: { params: z.object({ path: text, limit: count }), result: z.array(text) },
  run: { params: commandRequest, result: commandResult },
} as const

export type RunnerMethod = keyof typeof runnerMethods
export type RunnerParams<M extends RunnerMethod> = z.infer<(typeof runnerMethods)[M]['params']>
export type RunnerResult<M extends RunnerMethod> = z.infer<(typeof runnerMethods)[M]['result']>

/** What the bridge says. `params` is checked by method. */
export const bridgeFrame = z.union([
  z.object({
    id: count,
    method: z.enum(['stat', 'readFile', 'writeFile', 'list', 'suggest', 'run']),
    params: z.unknown(),
  }),
  z.object({ cancel: count }),
  z.object({ hello: z.object({ protocol: z.number().int(), proxyPort: z.number().int() }) }),
])
export type BridgeFrame = z.infer<typeof bridgeFrame>
export type BridgeHello = Extract<BridgeFrame, { hello: unknown }>['hello']

/** What the runner says. `result` is checked by the method that was asked. */
export const runnerFrame = z.union([
  z.strictObject({ id: count, chunk: text }),
  z.strictObject({ id: count, error: z.object({ code: workspaceErrorCode, message: text }) }),
  z.strictObject({ id: count, result: z.unknown() }),
  z.strictObject({ hello: z.object({ protocol: z.number().int(), pid: z.number().int() }) }),
])
export type RunnerFrame = z.infer<typeof runnerFrame>
