/** git_log: the last commits. */
import { z } from 'zod'
import { defineTool } from './define-tool.ts'
import { describeGit, runGit } from './git.ts'
import { LIMITS } from './limits.ts'

const input = z.strictObject({
  limit: z
    .number()
    .int()
    .min(1)
    .max(LIMITS.git.logEntries)
    .describe(`How many commits, ${LIMITS.git.logEntries} at most.`),
  ref: z.string().min(1).optional().describe('Branch, commit or range, e.g. "origin/main..HEAD". Default: HEAD.'),
  path: z.string().min(1).optional().describe('Only commits that changed this file or folder.'),
})

export const gitLog = defineTool<z.infer<typeof input>>({
  name: 'git_log',
  description: 'Shows the last commits: short id, date, author, subject.',
  input,
  async execute({ limit, ref = 'HEAD', path }, context) {
    const flags = [
      '--no-color',
      '--no-show-signature',
      `--max-count=${limit}`,
      '--date=short',
      '--format=%h %ad %an: %s',
    ]
    const args = ['log', ...flags, '--end-of-options', ref, '--', ...(path === undefined ? [] : [path])]
    return describeGit(await runGit(args, context), { command: 'git log', empty: 'No commits.' })
  },
})
