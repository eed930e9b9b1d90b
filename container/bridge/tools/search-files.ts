/** search_files: lines that match a pattern, grouped by file. */
import { z } from 'zod'
import { defineTool, failure, success } from './define-tool.ts'
import { LIMITS } from './limits.ts'
import { explainFailure, resolveSearchPath, runRipgrep, withoutDot } from './ripgrep.ts'

const { search } = LIMITS

const input = z.strictObject({
  pattern: z.string().min(1).describe('Regular expression (Rust syntax, as ripgrep takes it), matched line by line.'),
  path: z.string().min(1).optional().describe('File or folder to search. Default: the whole workspace.'),
  glob: z
    .string()
    .min(1)
    .optional()
    .describe('Only files whose path matches, e.g. "*.ts" or "src/**/*.py"; "!*.md" leaves files out.'),
  ignore_case: z.boolean().optional().describe('Upper and lower case are the same. Default: false.'),
  literal: z
    .boolean()
    .optional()
    .describe('Take the pattern as plain text, not as a regular expression. Default: false.'),
})

export const searchFiles = defineTool<z.infer<typeof input>>({
  name: 'search_files',
  description:
    `Searches the content of files and returns matching lines with their numbers, grouped by file, ${search.matches} at most. ` +
    'What .gitignore names is not searched.',
  input,
  async execute({ pattern, path = '.', glob, ignore_case, literal }, context) {
    const searched = await resolveSearchPath(path, context)
    const flags = ['--line-number', '--with-filename', '--no-heading', '--null', '--sort=path']
    flags.push(`--max-columns=${search.lineChars}`, '--max-columns-preview')
    if (ignore_case) flags.push('--ignore-case')
    if (literal) flags.push('--fixed-strings')
    const answer = await runRipgrep(
      {
        flags: [...flags, '-e', pattern],
        glob,
        path: searched,
        maxOutputChars: search.outputChars,
        timeoutMs: search.timeoutMs,
        maxLines: search.matches,
      },
      context,
    )
    if (context.signal.aborted) return failure('The search was cancelled.')
    const matches = answer.lines.map(parseMatch).filter((match) => match !== null)
    const problem = explainFailure(answer, matches.length)
    if (problem !== null) return failure(problem)
    if (matches.length === 0)
      return success(`No line in ${path === '.' ? 'the workspace' : searched} matches.`, { matches: 0 })
    const heading = answer.more
      ? `The first ${matches.length} matches; there are more. Narrow the pattern, the path or the glob.`
      : `${matches.length} ${matches.length === 1 ? 'match' : 'matches'}.`
    return success(`${heading}\n${groupByFile(matches)}`, { matches: matches.length, more: answer.more })
  },
})

interface Match {
  file: string
  line: string
  text: string
}

/** `file NUL line:text`; ripgrep's own messages have no NUL. */
function parseMatch(raw: string): Match | null {
  const [, file, line, text] = raw.match(/^([^\0]+)\0(\d+):([\s\S]*)$/) ?? []
  if (file === undefined || line === undefined || text === undefined) return null
  return { file: withoutDot(file), line, text: text.replace(/\r$/, '') }
}

function groupByFile(matches: Match[]): string {
  const groups = Map.groupBy(matches, (match) => match.file)
  return [...groups]
    .map(([file, found]) => `\n${file}\n${found.map(({ line, text }) => `${line.padStart(6)}: ${text}`).join('\n')}`)
    .join('\n')
}
