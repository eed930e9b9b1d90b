/** git_status: the branch and what has changed. */
import { z } from 'zod'
import { defineTool } from './define-tool.ts'
import { describeGit, runGit } from './git.ts'

const input = z.strictObject({
  path: z.string().min(1).describe('File or folder to look at; "." is the whole workspace.'),
})

export const gitStatus = defineTool<z.infer<typeof input>>({
  name: 'git_status',
  description: 'Shows the current branch and the changed, staged and untracked files, in git status --short form.',
  input,
  async execute({ path }, context) {
    const args = ['status', '--short', '--branch', '--untracked-files=normal', '--', path]
    return describeGit(await runGit(args, context), { command: 'git status', empty: 'Nothing has changed.' })
  },
})
