/**
 * Moves what is in the workspace into a folder of its own there, so that a clone can be made beside it. Owns: the folder's name,
 * and that nothing is lost on the way: only renamed, and what one attempt left the next one moves. Must not know: why.
 */
import type { Clock } from '../../../lib/clock.ts'
import type { Workspace } from '../workspace-port.ts'
import { GitProblem } from './git-problem.ts'

const PREFIX = '.berth-before-'
/** Of `find` and `.gitignore`. */
export const SET_ASIDE_PATTERN = `${PREFIX}*`
/** Lies at the root of a fresh ext4 volume. */
export const LOST_AND_FOUND = 'lost+found'
const TIMEOUT_MS = 5 * 60_000

/** In such a folder, what was moved. */
const FILES = 'files'

/**
 * The folder is made a repository, though an empty one: `git clean -fdx` removes what is ignored, but no repository. What is moved
 * lies a level below, for its own `.git` may be broken.
 *
 * Of the workspace `.git` goes first: alone, it would be taken for what an interrupted clone left, and removed. A folder cannot be
 * renamed into another one by a user who may not write to it, its owner or not.
 */
const moveInto = (folder: string) => `
shopt -s dotglob nullglob
[ -w . ] || chmod u+w . || exit
mkdir ${folder} && git init --quiet --template= --initial-branch=main ${folder} && mkdir ${folder}/${FILES} || exit
for name in .git *; do
  case "$name" in ${LOST_AND_FOUND} | ${SET_ASIDE_PATTERN}) continue ;; esac
  [ -e "$name" ] || [ -L "$name" ] || continue
  [ -L "$name" ] || [ ! -d "$name" ] || [ -w "$name" ] || chmod u+w -- "$name" || exit
  mv -T -- "$name" ${folder}/${FILES}/"$name" || exit
done`

/** What is in the workspace, by name, but for what belongs to its volume. `setAside`: the folders of earlier times. */
export async function listContents(workspace: Workspace): Promise<{ names: string[]; setAside: string[] }> {
  const all = (await workspace.list('.')).map(({ path }) => path.split('/').at(-1) ?? path)
  const setAside = all.filter((name) => name.startsWith(PREFIX))
  return { names: all.filter((name) => name !== LOST_AND_FOUND && !setAside.includes(name)), setAside }
}

/** Throws GitProblem `upstream_failed` when not all of it could be moved; it can be called again then. */
export async function setAside(
  { workspace, clock, signal }: { workspace: Workspace; clock: Clock; signal?: AbortSignal | undefined },
  earlier: readonly string[],
): Promise<void> {
  const command = { command: { line: moveInto(nameFolder(clock.now(), earlier)) }, timeoutMs: TIMEOUT_MS }
  const result = await workspace.run({ ...command, maxOutputChars: 4_000 }, signal === undefined ? {} : { signal })
  if (result.exitCode === 0) return
  throw new GitProblem('upstream_failed', `What is in the workspace could not be moved aside: ${result.output.trim()}`)
}

/** By the time in UTC, e.g. ".berth-before-20260131T235959Z". */
function nameFolder(now: Date, taken: readonly string[]): string {
  const name = `${PREFIX}${now.toISOString().replace(/[-:]|\.\d+/g, '')}`
  for (let count = 2, next = name; ; count += 1) {
    if (!taken.includes(next)) return next
    next = `${name}-${count}`
  }
}
