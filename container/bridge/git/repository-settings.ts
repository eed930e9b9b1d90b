/**
 * What Berth writes into the clone's own configuration: whose it is, how far the clone came, and the rewriting of the forge's
 * URLs. The agent can change it: nothing that matters is decided by it, the broker sees each push.
 */
import { type Git, withoutProgress } from './run-git.ts'

export const REMOTE = 'origin'

export function remoteUrl(repository: string): string {
  return `http://git.berth/${repository}.git`
}

export interface CloneRecord {
  repository: string
  sourceBranch: string
  targetBranch: string
}

/** Null where no clone of Berth's is. `complete` is false for one that was interrupted. */
export async function findCloneRecord(git: Git): Promise<(CloneRecord & { complete: boolean }) | null> {
  const { output } = await git.try(['config', '--local', '--get-regexp', '^berth\\.'])
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
    complete: values.get('berth.cloned') === 'true',
  }
}

export async function writeCloneRecord(git: Git, record: CloneRecord): Promise<void> {
  await git.run(['config', '--local', 'berth.repository', record.repository])
  await git.run(['config', '--local', 'berth.sourceBranch', record.sourceBranch])
  await git.run(['config', '--local', 'berth.targetBranch', record.targetBranch])
}

/** The last step of a clone. */
export async function markCloned(git: Git): Promise<void> {
  await git.run(['config', '--local', 'berth.cloned', 'true'])
}

export async function writeUser(git: Git, user: { name: string; email: string }): Promise<void> {
  await git.run(['config', '--local', 'user.name', user.name])
  await git.run(['config', '--local', 'user.email', user.email])
}

/** Every common spelling of the repository's address at `hosts` goes to the broker. */
export async function rewriteForgeUrls(git: Git, input: { repository: string; hosts: string[] }): Promise<void> {
  const base = `http://git.berth/${input.repository}`
  for (const host of input.hosts) {
    for (const prefix of [
      `https://${host}/`,
      `http://${host}/`,
      `ssh://git@${host}/`,
      `git://${host}/`,
      `git@${host}:`,
    ]) {
      await git.run(['config', '--local', '--add', `url.${base}.insteadOf`, `${prefix}${input.repository}`])
    }
  }
}
