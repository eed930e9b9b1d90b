/**
 * The write side of agents: one transaction under the agent's row lock, in which a change is decided, its events take the
 * next `seq` and the rows that show it are brought up to date. Inserts and the agent's update are sent once, at the end.
 */
import { cleanText } from '../../container/contract/events.ts'
import type { StoredEvent } from '../domain/agent.ts'
import type { JournalPosition } from '../domain/journal-acceptance.ts'
import { BerthError } from '../errors.ts'
import { type Ids, randomIds } from '../ids.ts'
import { Prisma, type PrismaClient } from './generated/client.ts'
import { toAgent, toRun } from './rows.ts'
import type { AgentPatch, LogStore, LogTransaction, RunPatch } from './stores.ts'

export function createLogStore(prisma: PrismaClient, options: { ids?: Ids; now?: () => Date } = {}): LogStore {
  const { ids = randomIds, now = () => new Date() } = options
  return {
    async write(agentId, change) {
      return await prisma.$transaction(
        async (db) => {
          const locked = await db.$queryRaw<
            Prisma.AgentModel[]
          >`SELECT * FROM "Agent" WHERE "id" = ${agentId} FOR UPDATE`
          if (!locked[0]) throw new BerthError('not_found', `There is no agent ${agentId}.`)
          const tx = new PendingChange({ db, row: withTypes(locked[0]), ids, now })
          const result = await change(tx)
          const stored = await tx.commit()
          return { result, agent: tx.agent, stored }
        },
        { maxWait: 10_000, timeout: 30_000 },
      )
    },
  }
}

/** `$queryRaw` gives decimals as Decimal and JSON parsed; only the array and dates need nothing. Here to keep the cast in one place. */
function withTypes(row: Prisma.AgentModel): Prisma.AgentModel {
  return { ...row, costUsd: new Prisma.Decimal(row.costUsd) }
}

interface PendingEvent extends StoredEvent {
  journalId: string | null
  journalN: number | null
}

class PendingChange implements LogTransaction {
  agent
  journal: JournalPosition
  readonly #db: Prisma.TransactionClient
  readonly #ids: Ids
  readonly #now: () => Date
  readonly #events: PendingEvent[] = []
  readonly #startPosition: JournalPosition
  #patch: Prisma.AgentUpdateInput = {}
  #seq: number

  constructor(input: { db: Prisma.TransactionClient; row: Prisma.AgentModel; ids: Ids; now: () => Date }) {
    this.#db = input.db
    this.#ids = input.ids
    this.#now = input.now
    this.agent = toAgent(input.row)
    this.journal = { journalId: input.row.journalId, n: input.row.journalN }
    this.#startPosition = this.journal
    this.#seq = input.row.lastSeq
  }

  async openRun() {
    const row = await this.#db.run.findFirst({ where: { agentId: this.agent.id, status: { not: 'ENDED' } } })
    return row && toRun(row)
  }

  async lastRun() {
    const row = await this.#db.run.findFirst({ where: { agentId: this.agent.id }, orderBy: { createdAt: 'desc' } })
    return row && toRun(row)
  }

  async findRun(id: string) {
    const row = await this.#db.run.findFirst({ where: { id, agentId: this.agent.id } })
    return row && toRun(row)
  }

  update(patch: AgentPatch) {
    const { addCostUsd, ...fields } = patch
    this.agent = { ...this.agent, ...fields, costUsd: this.agent.costUsd + (addCostUsd ?? 0) }
    const { statusDetail, pullRequest, ...plain } = fields
    Object.assign(this.#patch, plain)
    if (statusDetail !== undefined) this.#patch.statusDetail = toJsonColumn(statusDetail)
    if (pullRequest !== undefined) this.#patch.pullRequest = toJsonColumn(pullRequest)
    if (addCostUsd !== undefined) this.#patch.costUsd = { increment: addCostUsd }
  }

  async createRun(run: { id: string; task: string; inputEventId: string }) {
    return toRun(
      await this.#db.run.create({
        data: { ...run, agentId: this.agent.id, status: 'PENDING', createdAt: this.#now() },
      }),
    )
  }

  async updateRun(id: string, patch: RunPatch) {
    const { addInputTokens, addOutputTokens, addCostUsd, ...fields } = patch
    const data: Prisma.RunUpdateInput = { ...fields }
    if (addInputTokens !== undefined) data.inputTokens = { increment: addInputTokens }
    if (addOutputTokens !== undefined) data.outputTokens = { increment: addOutputTokens }
    if (addCostUsd !== undefined) data.costUsd = { increment: addCostUsd }
    await this.#db.run.update({ where: { id }, data })
  }

  append(type: string, data: Record<string, unknown>, options: { runId?: string | null; id?: string } = {}) {
    const id = options.id ?? this.#ids.next('evt')
    this.#push({
      id,
      type,
      runId: options.runId ?? null,
      createdAt: this.#now(),
      data,
      journalId: null,
      journalN: null,
    })
    return id
  }

  appendOwn(type: 'error' | 'done' | 'commit', data: Record<string, unknown>, runId: string | null) {
    this.append(type, data, { runId })
  }

  appendJournal(
    journalId: string,
    n: number,
    event: { type: string; runId: string | null; at: string; data: Record<string, unknown> } | null,
  ) {
    this.journal = { journalId, n }
    if (!event) return
    const { type, runId, data } = event
    this.#push({ id: this.#ids.next('evt'), type, runId, createdAt: new Date(event.at), data, journalId, journalN: n })
  }

  /** Sends what is pending. Answers with the events as they are now stored. */
  async commit(): Promise<StoredEvent[]> {
    const moved = this.journal !== this.#startPosition
    if (this.#events.length === 0 && !moved && Object.keys(this.#patch).length === 0) return []
    if (this.#events.length > 0) {
      await this.#db.event.createMany({
        data: this.#events.map((event) => ({
          ...event,
          agentId: this.agent.id,
          data: event.data as Prisma.InputJsonObject,
        })),
      })
    }
    await this.#db.agent.update({
      where: { id: this.agent.id },
      data: {
        ...this.#patch,
        lastSeq: this.#seq,
        ...(moved && { journalId: this.journal.journalId, journalN: this.journal.n }),
      },
      select: { id: true },
    })
    return this.#events.map(({ journalId: _id, journalN: _n, ...event }) => event)
  }

  #push(event: Omit<PendingEvent, 'seq'>) {
    this.#seq += 1
    this.agent = { ...this.agent, lastSeq: this.#seq }
    this.#events.push({ ...event, seq: this.#seq, data: cleanText(event.data) })
  }
}

function toJsonColumn(value: object | null) {
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonObject)
}
