/** Ties what the gateways ask to the services that know. */
import type { GatewayAccess } from '../gateway/ports.ts'
import type { CoreParts } from '../services/context.ts'
import { readEgressPolicy, recordEgressDenied } from '../services/egress/access.ts'
import { beginModelCall, settleModelCall } from '../services/model-call/meter.ts'
import { openPullRequestForRun } from '../services/pull-request/open.ts'
import { grantGit, recordPush } from '../services/push/broker-access.ts'
import { takeMessages } from '../services/queue/take.ts'

export function createGatewayAccess(parts: CoreParts): GatewayAccess {
  return {
    model: { begin: (call) => beginModelCall(parts, call), settle: (call) => settleModelCall(parts, call) },
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
