/** list_directory: what is in a folder, some levels deep, without what git ignores. */
import { z } from 'zod'
import { type FileStat, WorkspaceError } from '../workspace-port.ts'
import { defineTool, failure, success } from './define-tool.ts'
import { runGit } from './git.ts'
import { LIMITS } from './limits.ts'
import { resolveSearchPath } from './ripgrep.ts'
import type { ToolContext } from './tool.ts'

const { list } = LIMITS

const input = z.strictObject({
  path: z.string().min(1).describe('Folder to list, relative to the workspace or absolute; "." is the workspace.'),
  depth: z.number().int().min(1).max(list.maxDepth).optional().describe(`How many levels. Default: ${list.depth}.`),
})

export const listDirectory = defineTool<z.infer<typeof input>>({
  name: 'list_directory',
  description:
    `Lists a folder as a tree, ${list.depth} levels deep unless told otherwise, ${list.entries} entries at most. ` +
    'What .gitignore names is left out and named at the end.',
  input,
  async execute({ path, depth = list.depth }, context) {
    const listed = await resolveSearchPath(path, context)
    const tree = await walk({ path: listed, depth }, context)
    if (context.signal.aborted) return failure('The listing was cancelled.')
    const lines = [listed === '.' ? './' : `${listed}/`, ...render(tree.children, listed, 1)]
    if (tree.children.get(listed)?.length === 0) lines.push('  (empty)')
    if (tree.cut) lines.push(`(cut at ${list.entries} entries; list a folder of it, or use find_files)`)
    if (tree.ignored.length > 0) lines.push(`(ignored by git: ${describeIgnored(tree.ignored)})`)
    return success(lines.join('\n'), { path: listed, entries: tree.count, cut: tree.cut })
  },
})

interface Tree {
  /** Entries by the path of their folder. */
  children: Map<string, FileStat[]>
  ignored: string[]
  count: number
  cut: boolean
}

/** Level by level, so that what is cut is what lies deepest. */
async function walk(start: { path: string; depth: number }, context: ToolContext): Promise<Tree> {
  const tree: Tree = { children: new Map(), ignored: [], count: 0, cut: false }
  let folders = [start.path]
  for (let level = 0; level < start.depth && folders.length > 0 && !tree.cut; level += 1) {
    const found = await Promise.all(
      folders.map(async (folder) => ({ folder, entries: await listFolder(folder, context, level) })),
    )
    const ignored = await findIgnored(
      found.flatMap(({ entries }) => entries),
      context,
    )
    folders = []
    for (const { folder, entries } of found) {
      const shown = entries.filter((entry) => !ignored.has(entry.path))
      const kept = shown.slice(0, list.entries - tree.count)
      tree.children.set(folder, kept)
      tree.count += kept.length
      tree.cut ||= kept.length < shown.length
      tree.ignored.push(...entries.filter((entry) => ignored.has(entry.path)).map(nameOf))
      folders.push(...kept.filter((entry) => entry.kind === 'directory').map((entry) => entry.path))
    }
  }
  return tree
}

/** A folder below the first that cannot be read shows as an empty one. */
async function listFolder(folder: string, { workspace }: ToolContext, level: number): Promise<FileStat[]> {
  const entries = await workspace.list(folder).catch((error: unknown) => {
    if (level > 0 && error instanceof WorkspaceError && error.code !== 'runner_lost') return []
    throw error
  })
  return entries.filter((entry) => entry.path !== '.git' && !entry.path.endsWith('/.git'))
}

/** Asks git; where there is no repository nothing is ignored. Tracked files never are. */
async function findIgnored(entries: FileStat[], context: ToolContext): Promise<Set<string>> {
  if (entries.length === 0) return new Set()
  // "./" in front of a relative path keeps a name that begins with ":" from being magic.
  const asked = new Map(
    entries.map((entry) => [entry.path.startsWith('/') ? nameOf(entry) : `./${nameOf(entry)}`, entry]),
  )
  const result = await runGit(['check-ignore', '-z', '--stdin'], context, {
    input: [...asked.keys(), ''].join('\0'),
    maxOutputChars: 1_000_000,
    magicPathspecs: true,
  })
  if (result.exitCode !== 0) return new Set()
  const ignored = result.output.split('\0').map((path) => asked.get(path)?.path)
  return new Set(ignored.filter((path) => path !== undefined))
}

function render(children: Map<string, FileStat[]>, folder: string, level: number): string[] {
  return (children.get(folder) ?? []).flatMap((entry) => {
    const line = `${'  '.repeat(level)}${describeEntry(entry)}`
    return entry.kind === 'directory' ? [line, ...render(children, entry.path, level + 1)] : [line]
  })
}

function describeEntry(entry: FileStat): string {
  const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
  if (entry.kind === 'directory') return `${name}/`
  return entry.kind === 'link' ? `${name} (link)` : `${name} (${entry.size} bytes)`
}

/** As .gitignore would name it. */
function nameOf(entry: FileStat): string {
  return entry.kind === 'directory' ? `${entry.path}/` : entry.path
}

function describeIgnored(ignored: string[]): string {
  const shown = ignored.slice(0, 20).join(', ')
  return ignored.length > 20 ? `${shown} and ${ignored.length - 20} more` : shown
}
