/**
 * A case: a task on a repository whose right answer is known (the edits that solve it, the test that proves it). Owns: its
 * shape, reading it, applying its edits. Must not know: agents, models, terminals.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { runGit } from '../stand-ins/forge/git.ts'

const editOfCase = z.discriminatedUnion('kind', [
  /** `old` occurs once in the file. */
  z.object({ kind: z.literal('edit'), path: z.string(), old: z.string(), new: z.string() }),
  z.object({ kind: z.literal('write'), path: z.string(), content: z.string() }),
])
export type CaseEdit = z.infer<typeof editOfCase>

export const playedCase = z.object({
  name: z.string(),
  /** "owner/repo" */
  repo: z.string(),
  /** The commit at which `main` must stand; absent: wherever it stands. */
  base: z.string().optional(),
  /** What the agent is called, and its pull request; absent: the first line of the task. */
  title: z.string().optional(),
  task: z.string(),
  /** Shell command that installs what the test needs; absent: nothing to install. */
  setup: z.string().optional(),
  /** Shell command that fails with the edits to test files alone, and passes with all. */
  test: z.string(),
  edits: z.array(editOfCase).min(1),
})
export type PlayedCase = z.infer<typeof playedCase>

/** Reads a case from its JSON file. Throws an Error with every wrong field. */
export async function readCase(file: string): Promise<PlayedCase> {
  const parsed = playedCase.safeParse(JSON.parse(await readFile(file, 'utf8')))
  if (parsed.success) return parsed.data
  throw new Error(`${file} is not a case:\n${z.prettifyError(parsed.error)}`)
}

export function isTestFile(file: string): boolean {
  return /(^|\/)(tests?|__tests__|spec)\//i.test(file) || /(\.(test|spec)\.|_test\.|(^|\/)test_)[^/]*$/i.test(file)
}

/** A file's new content. Throws an Error when the edit does not fit. */
export function applyEdit(content: string, edit: CaseEdit): string {
  if (edit.kind === 'write') return edit.content
  const parts = content.split(edit.old)
  if (parts.length !== 2) throw new Error(`An edit of ${edit.path} fits ${parts.length - 1} places; it must fit one.`)
  return parts.join(edit.new)
}

/**
 * The diff that solves a case: its edits applied to `branch` of the bare repository in `directory`, as git shows it with
 * full object ids. Works in a clone of its own, which is removed.
 */
export async function computeExpectedDiff(input: {
  directory: string
  branch: string
  edits: CaseEdit[]
}): Promise<string> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'berth-expected-'))
  try {
    await runGit(['clone', '--quiet', '--shared', `--branch=${input.branch}`, input.directory, scratch])
    for (const edit of input.edits) {
      const file = path.join(scratch, edit.path)
      await mkdir(path.dirname(file), { recursive: true })
      const content = edit.kind === 'edit' ? await readFile(file, 'utf8') : ''
      await writeFile(file, applyEdit(content, edit))
    }
    await runGit(['add', '--all', '--force', '--', ...new Set(input.edits.map((edit) => edit.path))], { cwd: scratch })
    return await runGit(['diff', '--cached', '--no-color', '--no-ext-diff', '--full-index', 'HEAD'], { cwd: scratch })
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

export interface DiffComparison {
  equal: boolean
  /** Files changed in one only, or differently. */
  missing: string[]
  unexpected: string[]
  different: string[]
}

/** Compares two diffs of git file by file; their order does not matter. */
export function compareDiffs(actual: string, expected: string): DiffComparison {
  const actualFiles = splitByFile(actual)
  const expectedFiles = splitByFile(expected)
  const missing = [...expectedFiles.keys()].filter((file) => !actualFiles.has(file))
  const unexpected = [...actualFiles.keys()].filter((file) => !expectedFiles.has(file))
  const different = [...expectedFiles.keys()].filter(
    (file) => actualFiles.has(file) && actualFiles.get(file) !== expectedFiles.get(file),
  )
  return { equal: missing.length + unexpected.length + different.length === 0, missing, unexpected, different }
}

function splitByFile(diff: string): Map<string, string> {
  const sections = diff.split(/^(?=diff --git )/m).filter((section) => section.startsWith('diff --git '))
  return new Map(
    sections.map((section) => {
      const header = section.slice('diff --git '.length, section.indexOf('\n'))
      // "a/x b/x": the name is the second half, also where it holds spaces.
      return [header.slice(header.length / 2 + 2.5), section]
    }),
  )
}
