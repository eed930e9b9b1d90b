/**
 * The seam between the bridge and the runner: all that a tool can do to the outside. Nothing here sees ports, secrets or
 * lifecycle. The real one speaks to the runner over a socket; tests use a plain object or the runner's own code in process.
 *
 * Paths are absolute or relative to /workspace; the runner resolves them, follows links and refuses (`outside_workspace`)
 * what does not end inside /workspace, /tmp or the output folder.
 */
export type WorkspaceErrorCode =
  | 'not_found'
  | 'outside_workspace'
  | 'is_directory'
  | 'not_a_directory'
  | 'permission_denied'
  | 'too_large'
  | 'conflict'
  | 'disk_full'
  /** The runner is gone or went away during the call; whether it took effect is unknown. */
  | 'runner_lost'
  | 'failed'

export class WorkspaceError extends Error {
  readonly code: WorkspaceErrorCode
  constructor(code: WorkspaceErrorCode, message: string) {
    super(message)
    this.name = 'WorkspaceError'
    this.code = code
  }
}

export interface FileStat {
  /** As it lies in the workspace, relative to it; absolute elsewhere. */
  path: string
  kind: 'file' | 'directory' | 'link' | 'other'
  size: number
  mtimeMs: number
}

export interface FileContent extends FileStat {
  bytes: Uint8Array
  /** SHA-256 of the whole file, hex: what `writeFile` can insist on. */
  sha256: string
}

export interface CommandRequest {
  /** A program and its arguments, or a line for `bash -c`. */
  command: { argv: string[] } | { line: string }
  /** Default: the workspace. */
  cwd?: string
  timeoutMs: number
  /** Added to the runner's own environment. */
  env?: Record<string, string>
  /** Most characters of output kept in the result; head and tail stay, the middle goes to a file. */
  maxOutputChars: number
  /** Standard input; closed when absent. */
  input?: string
}

export interface CommandResult {
  /** Null when a signal ended it. */
  exitCode: number | null
  signal: string | null
  timedOut: boolean
  cancelled: boolean
  durationMs: number
  /** Standard output and error as they came, head and tail when it was long. */
  output: string
  truncated: boolean
  /** Where the whole output lies, for read_file and search_files; null when nothing was cut. */
  outputPath: string | null
  /** What the command could not do and programs seldom say, e.g. which address the network refused and why. */
  notices?: string[]
}

export interface Workspace {
  stat(path: string): Promise<FileStat | null>
  /** Throws `too_large` beyond `maxBytes`. */
  readFile(path: string, options: { maxBytes: number }): Promise<FileContent>
  /**
   * Writes the whole file in one step (temporary file, rename), creating parents, keeping its mode. `expect` is the SHA-256
   * the file must have now, or null when it must not exist; anything else is `conflict`.
   */
  writeFile(
    path: string,
    bytes: Uint8Array,
    options?: { expect?: string | null },
  ): Promise<{ sha256: string; created: boolean }>
  list(path: string): Promise<FileStat[]>
  /** Up to `limit` paths in the workspace whose names are near that of `path`. */
  suggest(path: string, limit: number): Promise<string[]>
  /** Output streams to `onOutput` as it comes. Aborting the signal ends the whole process tree and resolves `cancelled`. */
  run(
    request: CommandRequest,
    options?: { signal?: AbortSignal; onOutput?: (chunk: string) => void },
  ): Promise<CommandResult>
}
