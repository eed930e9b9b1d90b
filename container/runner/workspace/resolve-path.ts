/**
 * Which file a path means, with links followed, and whether the agent may touch it through the tools. Not a boundary (the
 * agent's commands have the same rights): it keeps a tool from leaving the workspace by a link or by mistake.
 */
import { lstat, readlink, realpath } from 'node:fs/promises'
import path from 'node:path'
import { WorkspaceError } from '../../bridge/workspace-port.ts'
import { hasCode } from './map-fs-error.ts'

export interface ResolvedPath {
  /** Absolute, every link in it followed. What lies there may not exist. */
  real: string
  /** Relative to the workspace when in it ("." for itself), else absolute. */
  shown: string
}

export interface PathResolver {
  /** Throws `outside_workspace`, or `failed` for a path that cannot be one. */
  resolve(given: string): Promise<ResolvedPath>
  /** How an absolute, link-free path is shown. */
  show(real: string): string
}

/** Links followed one after the other before a path counts as a loop; the kernel's own limit. */
const MAX_LINKS = 40

/** Real paths of the folders are taken once; folders that do not exist yet are taken as written. */
export async function createPathResolver(options: { root: string; extraRoots: string[] }): Promise<PathResolver> {
  const root = await follow(path.resolve(options.root))
  const extraRoots = await Promise.all(options.extraRoots.map((folder) => follow(path.resolve(folder))))
  const roots = [root, ...extraRoots]
  const show = (real: string) => (isInside(root, real) ? path.relative(root, real) || '.' : real)
  return {
    show,
    async resolve(given) {
      if (given.includes('\0')) throw new WorkspaceError('failed', 'A path cannot contain a NUL character.')
      const real = await follow(path.resolve(root, given))
      if (!roots.some((folder) => isInside(folder, real))) {
        throw new WorkspaceError(
          'outside_workspace',
          `${given} is outside the workspace${real === path.resolve(root, given) ? '' : ` (it leads to ${real})`}. ` +
            `Paths may lie in ${[options.root, ...options.extraRoots].join(', ')}.`,
        )
      }
      return { real, shown: show(real) }
    },
  }
}

function isInside(folder: string, real: string): boolean {
  return real === folder || real.startsWith(folder === '/' ? '/' : `${folder}/`)
}

/** The real path of the deepest part that exists, with what does not exist yet behind it. A dangling link leads on. */
async function follow(absolute: string, links = 0): Promise<string> {
  try {
    return await realpath(absolute)
  } catch (error) {
    if (hasCode(error, 'ELOOP')) throw new WorkspaceError('failed', `${absolute} is a loop of symbolic links.`)
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) throw error
  }
  const parent = path.dirname(absolute)
  if (parent === absolute) return absolute
  const target = await findLinkTarget(absolute)
  if (target === null) return path.join(await follow(parent, links), path.basename(absolute))
  if (links >= MAX_LINKS) throw new WorkspaceError('failed', `${absolute} is a loop of symbolic links.`)
  return follow(path.resolve(await follow(parent, links + 1), target), links + 1)
}

async function findLinkTarget(absolute: string): Promise<string | null> {
  try {
    return (await lstat(absolute)).isSymbolicLink() ? await readlink(absolute) : null
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return null
    throw error
  }
}
