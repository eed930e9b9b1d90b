/** Agents, their runs and their events, read; and agents made and removed. Changes go through the log store. */
import { BerthError } from '../errors.ts'
import { readAgent, readEventPage, readRun } from './agent-sql.ts'
import { Prisma, type PrismaClient } from './generated/client.ts'
import { listHeld } from './held-agents.ts'
import { toAgent, toRun, toStoredEvent } from './rows.ts'
import type { AgentStore, EventStore, RunStore } from './stores.ts'

const UNIQUE_VIOLATION = 'P2002'

/** Something runs, waits, is wanted or is under way. */
const UNSETTLED: Prisma.AgentWhereInput = {
  OR: [
    { status: { in: ['STARTING', 'RUNNING', 'READY', 'STOPPING'] } },
    { desired: { not: null } },
    { undeliveredRunId: { not: null } },
    { deliveryAskedAt: { not: null } },
    { runs: { some: { status: { not: 'ENDED' } } } },
  ],
}

export function createAgentStore(prisma: PrismaClient): AgentStore {
  return {
    async create(agent) {
      try {
        const { limits, tools, egress, env, ...rest } = agent
        const row = await prisma.agent.create({
          data: { ...rest, limits: { ...limits }, tools: { ...tools }, egress: { ...egress }, env: { ...env } },
        })
        return toAgent(row)
      } catch (error) {
        if (error instanceof Prisma.PrismaClientKnownRequestError && error.code === UNIQUE_VIOLATION) {
          throw new BerthError(
            'branch_in_use',
            `Another agent works on ${agent.githubRepo} with the target branch "${agent.targetBranch}".`,
            { hint: 'Choose another targetBranch, or resume that agent.', cause: error },
          )
        }
        throw error
      }
    },
    async find(id) {
      const row = await readAgent(prisma, id)
      return row && toAgent(row)
    },
    async list({ ownerId, status, q, limit, cursor }) {
      const where: Prisma.AgentWhereInput[] = []
      if (ownerId !== null) where.push({ ownerId })
      if (status) where.push({ status })
      if (q) {
        const contains = { contains: q, mode: 'insensitive' as const }
        where.push({
          OR: [{ name: contains }, { githubRepo: contains }, { targetBranch: contains }, { task: contains }],
        })
      }
      if (cursor) {
        where.push({
          OR: [{ updatedAt: { lt: cursor.updatedAt } }, { updatedAt: cursor.updatedAt, id: { gt: cursor.id } }],
        })
      }
      const rows = await prisma.agent.findMany({
        where: { AND: where },
        orderBy: [{ updatedAt: 'desc' }, { id: 'asc' }],
        take: limit,
      })
      return rows.map(toAgent)
    },
    async listNamed(ids) {
      return (await prisma.agent.findMany({ where: { id: { in: ids } } })).map(toAgent)
    },
    async listIds() {
      return (await prisma.agent.findMany({ select: { id: true } })).map(({ id }) => id)
    },
    async listUnsettled() {
      return (await prisma.agent.findMany({ where: UNSETTLED })).map(toAgent)
    },
    async listUnheld() {
      const held = await listHeld(prisma)
      return (await prisma.agent.findMany({ where: { AND: [UNSETTLED, { id: { notIn: held } }] } })).map(toAgent)
    },
    async listIdleSince(time) {
      const rows = await prisma.agent.findMany({ where: { status: 'READY', desired: null, activeAt: { lte: time } } })
      return rows.map(toAgent)
    },
    async findByBranch(githubRepo, targetBranch) {
      const row = await prisma.agent.findUnique({ where: { githubRepo_targetBranch: { githubRepo, targetBranch } } })
      return row && toAgent(row)
    },
    async journalPosition(id) {
      const row = await prisma.agent.findUnique({ where: { id }, select: { journalId: true, journalN: true } })
      return { journalId: row?.journalId ?? null, n: row?.journalN ?? 0 }
    },
    async remove(id) {
      await prisma.agent.deleteMany({ where: { id } })
    },
  }
}

export function createRunStore(prisma: PrismaClient): RunStore {
  return {
    async find(id) {
      const row = await prisma.run.findUnique({ where: { id } })
      return row && toRun(row)
    },
    async findOpen(agentId) {
      const row = await readRun(prisma, agentId, { which: 'open' })
      return row && toRun(row)
    },
    async findLatest(agentId) {
      const row = await readRun(prisma, agentId, { which: 'latest' })
      return row && toRun(row)
    },
    async findLatestOf(agentIds) {
      const rows = await prisma.run.findMany({
        where: { agentId: { in: agentIds } },
        orderBy: [{ agentId: 'asc' }, { createdAt: 'desc' }],
        distinct: ['agentId'],
      })
      return new Map(rows.map((row) => [row.agentId, toRun(row)]))
    },
    async list({ agentId, limit, before }) {
      const rows = await prisma.run.findMany({
        where: { agentId, ...(before && { createdAt: { lt: before } }) },
        orderBy: { createdAt: 'desc' },
        take: limit,
      })
      return rows.map(toRun)
    },
  }
}

export function createEventStore(prisma: PrismaClient): EventStore {
  return {
    async listAfter({ agentId, after, limit }) {
      return (await readEventPage(prisma, { agentId, side: 'after', seq: after, limit })).map(toStoredEvent)
    },
    async listToolAfter({ agentId, runId, tool, after, limit }) {
      const page = { agentId, side: 'after' as const, seq: after, limit, calls: { runId, tool } }
      return (await readEventPage(prisma, page)).map(toStoredEvent)
    },
    async listBefore({ agentId, before, limit }) {
      const rows = await readEventPage(prisma, { agentId, side: 'before', seq: before, limit })
      return rows.map(toStoredEvent).reverse()
    },
    async sizeOfTypes({ agentId, types }) {
      const rows = await prisma.$queryRaw<{ bytes: bigint | null }[]>`
        SELECT sum(octet_length("data"::text)) AS "bytes" FROM "Event" WHERE "agentId" = ${agentId} AND "type" = ANY(${types})`
      return Number(rows[0]?.bytes ?? 0)
    },
    async listOfTypes({ agentId, types, runIds }) {
      const rows = await prisma.event.findMany({
        where: { agentId, type: { in: types }, ...(runIds !== undefined && { runId: { in: runIds } }) },
        orderBy: { seq: 'asc' },
      })
      return rows.map(toStoredEvent)
    },
  }
}
