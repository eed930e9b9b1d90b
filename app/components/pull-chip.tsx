/** The way to a pull request, in rows and headers. */
import type { AgentPullRequest } from '../../lib/domain/agent.ts'
import { LineIcon } from './line-icon.tsx'

export function PullChip({ pullRequest }: { pullRequest: AgentPullRequest }) {
  return (
    <a
      className="chip act"
      href={pullRequest.url}
      target="_blank"
      rel="noreferrer"
      title={`Pull request ${pullRequest.number}: ${pullRequest.title}`}
    >
      <LineIcon name="pr" />
      <span className="sr">Pull request </span>#{pullRequest.number}
    </a>
  )
}
