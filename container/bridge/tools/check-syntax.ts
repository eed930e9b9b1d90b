/** A cheap look at what an edit has done to a file's syntax. Its complaint is advice to the model; it stops nothing. */
import path from 'node:path'
import type { Workspace } from '../workspace-port.ts'
import { LIMITS } from './limits.ts'

export interface SyntaxCheckInput {
  workspace: Workspace
  /** As the workspace shows it. */
  path: string
  /** Null for a new file. */
  before: string | null
  after: string
  signal: AbortSignal
}

/** What is wrong with the file now, in the words of its language's own parser; null when nothing is, or nobody can tell. */
export async function checkSyntax(input: SyntaxCheckInput): Promise<string | null> {
  switch (path.extname(input.path)) {
    case '.json':
      return checkJson(input)
    case '.js':
    case '.mjs':
    case '.cjs':
      return checkJavaScript(input)
    case '.py':
      return checkPython(input)
    default:
      return null
  }
}

function checkJson({ before, after }: SyntaxCheckInput): string | null {
  const problem = findJsonProblem(after)
  // Some files of this name hold comments, and did before.
  return problem === null || (before !== null && findJsonProblem(before) !== null) ? null : problem
}

function findJsonProblem(text: string): string | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    if (error instanceof SyntaxError) return `JSON.parse: ${error.message}`
    throw error
  }
}

async function checkJavaScript(input: SyntaxCheckInput): Promise<string | null> {
  // Where JSX is written in .js files, Node's own parser knows less than the project's.
  if (/<\/[A-Za-z>]|\/>/.test(input.after)) return null
  const file = path.isAbsolute(input.path) ? input.path : `./${input.path}`
  const complaint = await runCheck(input, { argv: ['node', '--check', file] })
  return (
    complaint
      ?.replace(/\n\s+at [\s\S]*/, '')
      .replace(/\n+Node\.js v[\d.]+\s*$/, '')
      .replace(/\n{2,}/g, '\n') ?? null
  )
}

const PARSE_PYTHON = 'import ast, sys; ast.parse(sys.stdin.buffer.read(), sys.argv[1])'

async function checkPython(input: SyntaxCheckInput): Promise<string | null> {
  const complaint = await runCheck(input, { argv: ['python3', '-c', PARSE_PYTHON, input.path], input: input.after })
  // Of the traceback only the end is about the file.
  return complaint?.slice(Math.max(0, complaint.lastIndexOf('  File "'))) ?? null
}

async function runCheck(
  { workspace, signal }: SyntaxCheckInput,
  command: { argv: string[]; input?: string },
): Promise<string | null> {
  const result = await workspace.run(
    {
      command: { argv: command.argv },
      timeoutMs: LIMITS.syntaxCheck.timeoutMs,
      maxOutputChars: LIMITS.syntaxCheck.outputChars,
      ...(command.input !== undefined && { input: command.input }),
    },
    { signal },
  )
  return result.exitCode === 1 ? result.output.trim() : null
}
