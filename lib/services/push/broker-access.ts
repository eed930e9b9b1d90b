/** What the git broker asks: which repository this agent works on, and what became of a push. */
import { BerthError } from '../../errors.ts'
import type { GitGrant, RecordedPush } from '../../gateway/ports.ts'
import type { CoreParts } from '../context.ts'
import { writeLog } from '../event/write.ts'

export async function grantGit(parts: CoreParts, agentId: string): Promise<GitGrant> {
  const agent = await parts.stores.agents.find(agentId)
  if (!agent) throw new BerthError('not_found', 'The agent of this sandbox is gone.')
  return {
    repository: agent.githubRepo,
    targetBranch: agent.targetBranch,
    readRepos: agent.readRepos,
    targetTip: agent.targetTip,
    baseUrl: parts.settings.github.url,
    token: parts.settings.github.token,
  }
}

/** Stores the `push` event and, when it went through, the branch's new tip. */
export async function recordPush(parts: CoreParts, agentId: string, push: RecordedPush): Promise<void> {
  await writeLog(parts, agentId, async (tx) => {
    if (push.outcome === 'ok' && push.ref === `refs/heads/${tx.agent.targetBranch}`)
      tx.update({ targetTip: push.newSha })
    const run = (await tx.openRun()) ?? (await tx.lastRun())
    tx.append('push', { ...push }, { runId: run?.id ?? null })
  })
}
