/** How much a tool reads, returns and waits for: every such number, and nothing else. */
export const LIMITS = {
  read: {
    lines: 2_000,
    lineChars: 2_000,
    outputBytes: 50 * 1024,
    /** Larger files are read in pieces, by a command in the workspace. */
    fileBytes: 10 * 1024 * 1024,
    suggestions: 3,
  },
  search: { matches: 100, lineChars: 400, outputChars: 400_000, timeoutMs: 30_000 },
  find: { files: 100, outputChars: 100_000, timeoutMs: 30_000 },
  list: { entries: 500, depth: 2, maxDepth: 6 },
  git: { outputChars: 30_000, timeoutMs: 30_000, logEntries: 100, untracked: 20 },
  command: { outputChars: 30_000, maxTimeoutMs: 600_000 },
  push: { timeoutMs: 600_000 },
  /** Of a `file_change` event. */
  diff: { chars: 20_000 },
  /** Quoted when an edit finds no match. */
  nearest: { lines: 12 },
  syntaxCheck: { timeoutMs: 10_000, outputChars: 1_500 },
  tasks: { count: 50, titleChars: 300 },
} as const
