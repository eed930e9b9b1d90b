/**
 * The write side of agents: one transaction under the agent's row lock, in which a change is decided, its events take the
 * next `seq` and the rows that show it are brought up to date. Inserts and the agent's update are sent once, at the end.
 */
import { cleanText } from '../../container/contract/events.ts'
import type { QueuedMessage, StoredEvent } from '../domain/agent.ts'
import type { JournalPosition } from '../domain/journal-acceptance.ts'
import { BerthError, leaseLost } from '../errors.ts'
import { type Ids, randomIds } from '../ids.ts'
import { type EventRow, lockAgent, patchRun, type RunChoice, readRun, storeChange } from './agent-sql.ts'
import { appendJournal, loggedBytes, settleModelCall } from './append-log.ts'
import type { Prisma, PrismaClient } from './generated/client.ts'
import { listQueue, toQueuedMessage } from './queue-store.ts'
import { toAgent, toRun } from './rows.ts'
import type { AgentPatch, Holder, LogStore, LogTransaction, RunPatch } from './stores.ts'

export function createLogStore(prisma: PrismaClient, options: { ids?: Ids; now?: () => Date } = {}): LogStore {
  const { ids = randomIds, now = () => new Date() } = options
  return {
    async write(agentId, change, holder) {
      return await prisma.$transaction(
        async (db) => {
          const row = await lockAgent(db, agentId)
          if (!row) throw new BerthError('not_found', `There is no agent ${agentId}.`)
          const tx = new PendingChange({ db, row, ids, now, holder: holder ?? null })
          const result = await change(tx)
          const stored = await tx.commit()
          return { result, agent: tx.agent, stored }
        },
        { maxWait: 10_000, timeout: 30_000 },
      )
    },
    appendJournal: (input) => appendJournal(prisma, input, { ids, now: now() }),
    settleModelCall: (input) => settleModelCall(prisma, input, { ids, now: now() }),
  }
}

class PendingChange implements LogTransaction {
  agent
  journal: JournalPosition
  journalBytes: number
  readonly #db: Prisma.TransactionClient
  readonly #holder: Holder | null
  readonly #ids: Ids
  readonly #now: () => Date
  readonly #events: EventRow[] = []
  readonly #startPosition: JournalPosition
  #columns: Record<string, unknown> = {}
  #seq: number

  constructor(input: {
    db: Prisma.TransactionClient
    row: Prisma.AgentModel
    ids: Ids
    now: () => Date
    holder: Holder | null
  }) {
    this.#db = input.db
    this.#holder = input.holder
    this.#ids = input.ids
    this.#now = input.now
    this.agent = toAgent(input.row)
    this.journal = { journalId: input.row.journalId, n: input.row.journalN }
    this.#startPosition = this.journal
    this.journalBytes = input.row.journalBytes
    this.#seq = input.row.lastSeq
  }

  async openRun() {
    return await this.#readRun({ which: 'open' })
  }

  async lastRun() {
    return await this.#readRun({ which: 'latest' })
  }

  async findRun(id: string) {
    return await this.#readRun({ which: 'named', id })
  }

  async hasEvent(runId: string, type: string) {
    if (this.#events.some((event) => event.runId === runId && event.type === type)) return true
    const where = { agentId: this.agent.id, runId, type }
    return (await this.#db.event.findFirst({ where, select: { seq: true } })) !== null
  }

  async hasCommit(sha: string) {
    if (this.#events.some((event) => event.type === 'commit' && event.data.sha === sha)) return true
    const where = { agentId: this.agent.id, type: 'commit', data: { path: ['sha'], equals: sha } }
    return (await this.#db.event.findFirst({ where, select: { seq: true } })) !== null
  }

  update(patch: AgentPatch) {
    this.agent = { ...this.agent, ...patch }
    Object.assign(this.#columns, patch)
  }

  async createRun(run: { id: string; task: string; inputEventId: string }) {
    this.journalBytes = 0
    this.#columns.journalBytes = 0
    return toRun(
      await this.#db.run.create({
        data: { ...run, agentId: this.agent.id, model: this.agent.model, status: 'PENDING', createdAt: this.#now() },
      }),
    )
  }

  async updateRun(id: string, patch: RunPatch) {
    await patchRun(this.#db, id, patch)
  }

  async queue() {
    return await listQueue(this.#db, this.agent.id)
  }

  async enqueue({ id, from, text, mode }: Pick<QueuedMessage, 'id' | 'from' | 'text' | 'mode'>) {
    return toQueuedMessage(
      await this.#db.queuedMessage.create({
        data: {
          id,
          agentId: this.agent.id,
          userId: from.userId,
          userName: cleanText(from.name),
          text: cleanText(text),
          mode,
          createdAt: this.#now(),
        },
      }),
    )
  }

  async rewordQueued(id: string, text: string) {
    const where = { id, agentId: this.agent.id }
    return (await this.#db.queuedMessage.updateMany({ where, data: { text: cleanText(text) } })).count === 1
  }

  async dequeue(id: string) {
    return (await this.#db.queuedMessage.deleteMany({ where: { id, agentId: this.agent.id } })).count === 1
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
    // Said about a sandbox, which could have it said without end.
    this.#countJournal(loggedBytes(data))
    this.append(type, data, { runId })
  }

  appendJournal(
    journalId: string,
    n: number,
    event: { type: string; runId: string | null; at: string; data: Record<string, unknown> } | null,
  ) {
    this.journal = { journalId, n }
    this.#countJournal(loggedBytes(event?.data ?? {}))
    if (!event) return
    const { type, runId, data } = event
    this.#push({ id: this.#ids.next('evt'), type, runId, createdAt: new Date(event.at), data, journalId, journalN: n })
  }

  #countJournal(bytes: number) {
    this.journalBytes += bytes
    this.#columns.journalBytes = this.journalBytes
  }

  /** Sends what is pending. Answers with the events as they are now stored. */
  async commit(): Promise<StoredEvent[]> {
    const moved = this.journal !== this.#startPosition
    const isChanged = moved || Object.keys(this.#columns).length > 0
    // A holder's write is checked although it may have changed no more than a run.
    if (this.#events.length === 0 && !isChanged && this.#holder === null) return []
    const isStored = await storeChange(this.#db, {
      agentId: this.agent.id,
      events: this.#events,
      columns: {
        ...this.#columns,
        lastSeq: this.#seq,
        ...(moved && { journalId: this.journal.journalId, journalN: this.journal.n }),
      },
      now: this.#now(),
      holder: this.#holder,
    })
    if (!isStored) throw leaseLost(this.agent.id)
    return this.#events.map(({ journalId: _id, journalN: _n, ...event }) => event)
  }

  async #readRun(choice: RunChoice) {
    const row = await readRun(this.#db, this.agent.id, choice)
    return row && toRun(row)
  }

  #push(event: Omit<EventRow, 'seq'>) {
    this.#seq += 1
    this.agent = { ...this.agent, lastSeq: this.#seq }
    this.#events.push({ ...event, seq: this.#seq, data: cleanText(event.data) })
  }
}
