/**
 * What Berth writes into the clone's own configuration: whose it is, how far the clone came. The agent can change it: nothing
 * that matters is decided by it, the broker sees each push.
 */
import { randomText } from '../../../lib/ids.ts'
import type { Workspace } from '../workspace-port.ts'
import { type Git, type GitOptions, withoutProgress } from './run-git.ts'

export const REMOTE = 'origin'
const CONFIG_PATH = '.git/config'
const MAX_CONFIG_BYTES = 1024 * 1024

export function remoteUrl(repository: string): string {
  return `http://git.berth/${repository}.git`
}

export interface CloneRecord {
  repository: string
  sourceBranch: string
  targetBranch: string
}

export interface FoundClone extends CloneRecord {
  /** Tells this clone from every other one of the repository; null in one that an earlier version made. */
  cloneId: string | null
  /** False for one that was interrupted. */
  complete: boolean
}

/** The repository has to be in `.git`: git also takes a folder for one that holds what belongs in there. */
const env = { GIT_DIR: '.git' }

/** Null where no clone of Berth's is. */
export async function findCloneRecord(git: Git, options: Omit<GitOptions, 'env'> = {}): Promise<FoundClone | null> {
  const { output } = await git.try(['config', '--local', '--get-regexp', '^berth\\.'], { ...options, env })
  const values = new Map(
    withoutProgress(output)
      .split('\n')
      .map((line) => [line.split(' ', 1)[0]?.toLowerCase() ?? '', line.slice(line.indexOf(' ') + 1)]),
  )
  const repository = values.get('berth.repository')
  if (repository === undefined) return null
  return {
    repository,
    sourceBranch: values.get('berth.sourcebranch') ?? '',
    targetBranch: values.get('berth.targetbranch') ?? '',
    cloneId: values.get('berth.cloneid') ?? null,
    complete: values.get('berth.cloned') === 'true',
  }
}

/** The same for a shell in the workspace, which it ends with git's exit code unless `findCloneRecord` finds a complete one. */
export const DEMAND_COMPLETE_CLONE = `
(
  export GIT_DIR=${env.GIT_DIR}
  git config --local --get berth.repository >/dev/null || exit
  whole=$(git config --local --get berth.cloned) || exit
  [ "$whole" = true ]
) || exit`

export interface CloneSettings extends CloneRecord {
  user: { name: string; email: string }
}

/** Adds all settings of a fresh clone to its configuration at once. */
export async function writeCloneSettings(workspace: Workspace, settings: CloneSettings): Promise<void> {
  const { repository, sourceBranch, targetBranch, user } = settings
  const sections: [header: string, values: [name: string, value: string][]][] = [
    [
      'berth',
      [
        ['repository', repository],
        ['sourceBranch', sourceBranch],
        ['targetBranch', targetBranch],
        ['cloneId', randomText(16)],
      ],
    ],
    [
      `remote "${REMOTE}"`,
      [
        ['url', remoteUrl(repository)],
        ['fetch', `+refs/heads/*:refs/remotes/${REMOTE}/*`],
      ],
    ],
    [
      'user',
      [
        ['name', user.name],
        ['email', user.email],
      ],
    ],
  ]
  const text = sections.map(([header, values]) =>
    [`[${header}]`, ...values.map(([name, value]) => `\t${name} = ${quote(value)}`), ''].join('\n'),
  )
  const { bytes } = await workspace.readFile(CONFIG_PATH, { maxBytes: MAX_CONFIG_BYTES })
  await workspace.writeFile(CONFIG_PATH, Buffer.concat([bytes, Buffer.from(text.join(''))]))
}

/** The last step of a clone. */
export async function markCloned(git: Git): Promise<void> {
  await git.run(['config', '--local', 'berth.cloned', 'true'])
}

/** git-config(1), "Syntax". */
function quote(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n').replaceAll('\0', '')
  return `"${escaped}"`
}
