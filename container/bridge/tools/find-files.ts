/** find_files: files by a pattern of their path, the newest first. */
import { z } from 'zod'
import { defineTool, failure, success } from './define-tool.ts'
import { LIMITS } from './limits.ts'
import { explainFailure, resolveSearchPath, runRipgrep, withoutDot } from './ripgrep.ts'

const { find } = LIMITS

const input = z.strictObject({
  pattern: z
    .string()
    .min(1)
    .describe(
      'Glob. Without "/" it is matched against names anywhere ("*.test.ts"), with one against paths from the workspace ("src/**/*.ts").',
    ),
  path: z.string().min(1).optional().describe('Folder to look in. Default: the whole workspace.'),
})

export const findFiles = defineTool<z.infer<typeof input>>({
  name: 'find_files',
  description:
    `Finds files by name and returns their paths, those changed last first, ${find.files} at most. ` +
    'What .gitignore names is left out.',
  input,
  async execute({ pattern, path = '.' }, context) {
    if (pattern.startsWith('!'))
      return failure('The pattern says which files to find; one that begins with "!" leaves files out.')
    const searched = await resolveSearchPath(path, context)
    const answer = await runRipgrep(
      {
        flags: ['--files', '--sortr=modified'],
        glob: pattern,
        path: searched,
        maxOutputChars: find.outputChars,
        timeoutMs: find.timeoutMs,
        maxLines: find.files,
      },
      context,
    )
    if (context.signal.aborted) return failure('The search was cancelled.')
    const problem = explainFailure(answer, 0)
    if (problem !== null) return failure(problem)
    const files = answer.lines.map(withoutDot)
    if (files.length === 0) return success(`No file matches ${pattern}.`, { files: 0 })
    const heading = answer.more
      ? `The ${files.length} newest; there are more.`
      : `${files.length} ${files.length === 1 ? 'file' : 'files'}, the newest first.`
    return success(`${heading}\n${files.join('\n')}`, { files: files.length, more: answer.more })
  },
})
