/** git_diff: the working tree, or what is staged, against a commit. */
import { z } from 'zod'
import { defineTool } from './define-tool.ts'
import { describeGit, runGit } from './git.ts'
import { LIMITS } from './limits.ts'
import type { ToolContext } from './tool.ts'

const input = z.strictObject({
  base: z
    .string()
    .min(1)
    .describe(
      'Commit or branch to compare with: "HEAD" for what is not committed, "origin/<branch>" for all work since then, "a..b" for two commits.',
    ),
  path: z.string().min(1).optional().describe('Only this file or folder.'),
  staged: z.boolean().optional().describe('Compare what is staged instead of the working tree. Default: false.'),
  stat: z.boolean().optional().describe('Only the names of changed files and how much changed. Default: false.'),
})

export const gitDiff = defineTool<z.infer<typeof input>>({
  name: 'git_diff',
  description: 'Shows changes as a unified diff. Untracked files are not in it; they are named below it.',
  input,
  async execute({ base, path = '.', staged, stat }, context) {
    const flags = [
      '--no-color',
      '--no-ext-diff',
      '--no-textconv',
      ...(stat ? ['--stat'] : []),
      ...(staged ? ['--staged'] : []),
    ]
    const result = await runGit(['diff', ...flags, '--end-of-options', base, '--', path], context)
    const answer = describeGit(result, { command: 'git diff', empty: `No changes against ${base}.` })
    if (answer.outcome === 'error' || staged || base.includes('..')) return answer
    return { ...answer, output: answer.output + (await describeUntracked(path, context)) }
  },
})

async function describeUntracked(path: string, context: ToolContext): Promise<string> {
  const result = await runGit(['ls-files', '--others', '--exclude-standard', '--', path], context)
  const files = result.exitCode === 0 ? result.output.split('\n').filter((line) => line !== '') : []
  if (files.length === 0) return ''
  const shown = files.slice(0, LIMITS.git.untracked).join(', ')
  const more = files.length > LIMITS.git.untracked ? ` and ${files.length - LIMITS.git.untracked} more` : ''
  return `\n(untracked, not in the diff: ${shown}${more})`
}
