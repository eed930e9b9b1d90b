/** Rows of the tables as the domain's types. The JSON columns are written by this folder alone, so their shape is known. */
import type {
  Agent,
  AgentEgress,
  AgentPullRequest,
  AgentStatus,
  Limits,
  Run,
  StatusDetail,
  StoredEvent,
  ToolPolicy,
} from '../domain/agent.ts'
import type { Prisma } from './generated/client.ts'

export function toAgent(row: Prisma.AgentModel): Agent {
  const { journalId: _journalId, journalN: _journalN, ...rest } = row
  return {
    ...rest,
    limits: row.limits as unknown as Limits,
    tools: row.tools as unknown as ToolPolicy,
    egress: row.egress as unknown as AgentEgress,
    env: row.env as unknown as Record<string, string>,
    status: row.status as AgentStatus,
    statusDetail: row.statusDetail as unknown as StatusDetail | null,
    needs: row.needs as Agent['needs'],
    divergence: row.divergence as unknown as Agent['divergence'],
    desired: row.desired as Agent['desired'],
    workspace: row.workspace as unknown as Agent['workspace'],
    pullRequest: row.pullRequest as unknown as AgentPullRequest | null,
    costUsd: row.costUsd.toNumber(),
  }
}

export function toRun(row: Prisma.RunModel): Run {
  return {
    ...row,
    status: row.status as Run['status'],
    reason: row.reason as Run['reason'],
    costUsd: row.costUsd.toNumber(),
  }
}

export function toStoredEvent(row: Prisma.EventModel): StoredEvent {
  return {
    id: row.id,
    seq: row.seq,
    type: row.type,
    runId: row.runId,
    createdAt: row.createdAt,
    data: row.data as Record<string, unknown>,
  }
}
