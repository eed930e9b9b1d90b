/** Ties what the gateways ask to the services that know. */
import type { GatewayAccess, ModelAccess } from '../gateway/ports.ts'
import type { CoreParts } from '../services/context.ts'
import { readEgressPolicy, recordEgressDenied } from '../services/egress/access.ts'
import { openPullRequestForRun } from '../services/pull-request/open.ts'
import { grantGit, recordPush } from '../services/push/broker-access.ts'
import { takeMessages } from '../services/queue/take.ts'

export function createGatewayAccess(parts: CoreParts, model: ModelAccess): GatewayAccess {
  return {
    model,
    git: {
      grant: (agentId) => grantGit(parts, agentId),
      recordPush: (agentId, push) => recordPush(parts, agentId, push),
    },
    egress: {
      policy: (agentId) => readEgressPolicy(parts, agentId),
      recordDenied: (agentId, denial) => recordEgressDenied(parts, agentId, denial),
    },
    people: { take: (input) => takeMessages(parts, input) },
    forge: { openPullRequest: (input) => openPullRequestForRun(parts, input) },
  }
}
