/**
 * The repository's own words to agents: AGENTS.md, else CLAUDE.md. The root's goes into the system prompt; nested ones are
 * attached when a file under them is first read; 32 KB in all. Owns: finding and cutting them. Must not know: the prompt.
 */
import type { Logger } from '../../../lib/logger.ts'
import { type Workspace, WorkspaceError } from '../workspace-port.ts'
import { INSTRUCTION_BYTES, INSTRUCTION_FILE_BYTES, INSTRUCTION_FILES } from './defaults.ts'

export interface ProjectInstructions {
  /** The root's file; null when there is none. */
  root: { path: string; text: string } | null
  /** What to add to the result of a tool that read `path`; empty most of the time. */
  attachFor(path: string): Promise<string>
}

export async function readProjectInstructions(workspace: Workspace, logger: Logger): Promise<ProjectInstructions> {
  let bytesLeft = INSTRUCTION_BYTES
  const visited = new Set([''])

  const take = async (directory: string): Promise<{ path: string; text: string } | null> => {
    for (const name of INSTRUCTION_FILES) {
      const path = directory === '' ? name : `${directory}/${name}`
      const bytes = await readIfThere(workspace, path, logger)
      if (bytes === null) continue
      const kept = bytes.subarray(0, bytesLeft)
      bytesLeft -= kept.length
      const cut = kept.length < bytes.length
      const text = new TextDecoder().decode(kept)
      return { path, text: cut ? `${text}\n[cut here: read ${path} for the rest]` : text }
    }
    return null
  }

  const root = await take('')
  return {
    root,
    async attachFor(path) {
      const found: string[] = []
      for (const directory of parentsOf(path)) {
        if (visited.has(directory) || bytesLeft <= 0) continue
        visited.add(directory)
        const file = await take(directory)
        if (file) found.push(`\n\n[${file.path} applies to files under ${directory}/]\n${file.text}`)
      }
      return found.join('')
    },
  }
}

/** Directories above a file of the workspace, outermost first; none for what lies elsewhere. */
function parentsOf(path: string): string[] {
  const relative = path.replace(/^\/workspace\//, '').replace(/^\.\//, '')
  const parts = relative.split('/').slice(0, -1)
  if (relative.startsWith('/') || parts.includes('..')) return []
  return parts.map((_part, index) => parts.slice(0, index + 1).join('/'))
}

/** Null when there is nothing to read; a workspace that fails is logged, and the run goes on without. */
async function readIfThere(workspace: Workspace, path: string, logger: Logger): Promise<Uint8Array | null> {
  try {
    return (await workspace.readFile(path, { maxBytes: INSTRUCTION_FILE_BYTES })).bytes
  } catch (error) {
    if (!(error instanceof WorkspaceError)) throw error
    if (error.code !== 'not_found') logger.warn('Project instructions could not be read.', { path, error })
    return null
  }
}
