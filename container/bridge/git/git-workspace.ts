/**
 * The repository in the workspace as the control plane's commands need it: clone, commit, push, one at a time. Owns: their
 * order. Must not know: HTTP, the tunnel, runs.
 */
import type { Clock } from '../../../lib/clock.ts'
import type {
  CloneCommand,
  CloneMessage,
  CommitAnswer,
  CommitCommand,
  PushAnswer,
  PushCommand,
  WorkspaceState,
} from '../../contract/bridge.ts'
import type { Workspace } from '../workspace-port.ts'
import { type CloneResult, cloneRepository } from './clone.ts'
import { commitAll } from './commit.ts'
import { createRepositoryProbe } from './probe-repository.ts'
import { createProgressFeed } from './progress.ts'
import { pushHead } from './push.ts'
import { findCloneRecord } from './repository-settings.ts'
import { createGit } from './run-git.ts'
import { findUnbornBranch } from './unborn-branch.ts'
import { readWorkspaceState } from './workspace-state.ts'

const HEAD_TIMEOUT_MS = 2_000

export interface GitCallOptions {
  signal?: AbortSignal
}

/** Each throws GitProblem, or a WorkspaceError when the runner is gone. */
export interface GitWorkspace {
  clone(
    command: CloneCommand,
    options: GitCallOptions & { onMessage: (message: CloneMessage) => void },
  ): Promise<CloneResult>
  commit(command: CommitCommand, options?: GitCallOptions): Promise<CommitAnswer>
  push(command: PushCommand, options?: GitCallOptions): Promise<PushAnswer>
  /** As it is now; waits for the command in progress. */
  state(options?: GitCallOptions): Promise<WorkspaceState>
  /** What tells the clone in the workspace from one made anew; null where there is none. Waits for no other command. */
  cloneId(): Promise<string | null>
  /** True when a run can go on from the repository in the workspace, as in `state`. Waits for no other command. */
  isCloned(): Promise<boolean>
}

export interface GitWorkspaceOptions {
  workspace: Workspace
  tunnelFetch: typeof fetch
  /** The bridge's proxy, e.g. "http://127.0.0.1:3128". */
  proxyUrl: string
  clock: Clock
}

export function createGitWorkspace({ workspace, tunnelFetch, proxyUrl, clock }: GitWorkspaceOptions): GitWorkspace {
  const git = createGit({ workspace, proxyUrl })
  const probe = createRepositoryProbe(tunnelFetch)
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }

  return {
    clone: (command, { signal, onMessage }) =>
      inTurn(() => {
        signal?.throwIfAborted()
        const onOutput = createProgressFeed({ clock, onProgress: (progress) => onMessage({ progress }) })
        return cloneRepository({ git, workspace, clock, probe, signal, onOutput }, command)
      }),
    commit: (command, { signal } = {}) => inTurn(() => commitAll({ git, workspace, clock, signal }, command)),
    push: (command, { signal } = {}) => inTurn(() => pushHead({ git, signal }, command)),
    state: ({ signal } = {}) => inTurn(() => readWorkspaceState({ git, workspace, signal })),
    cloneId: async () => (await findCloneRecord(git))?.cloneId ?? null,
    async isCloned() {
      const options = { timeoutMs: HEAD_TIMEOUT_MS }
      if (!(await findCloneRecord(git, options))?.complete) return false
      const head = await git.try(['rev-parse', '--verify', '--quiet', 'HEAD^{commit}'], options)
      return head.exitCode === 0 || (await findUnbornBranch({ git, workspace }, options)) !== null
    },
  }
}
