/**
 * What every step of every run waits for, in SQL: the client's own queries take two to three times the time of the database
 * here. Owns: reading an agent and its runs, and the statements of a change of its log. Must not know: what is decided.
 */
import { cleanText } from '../../container/contract/events.ts'
import type { StoredEvent } from '../domain/agent.ts'
import { Prisma } from './generated/client.ts'
import type { Holder, RunPatch } from './stores.ts'

type Db = Pick<Prisma.TransactionClient, '$queryRaw' | '$executeRaw'>

export async function readAgent(db: Db, id: string): Promise<Prisma.AgentModel | null> {
  const rows = await db.$queryRaw<Prisma.AgentModel[]>`SELECT * FROM "Agent" WHERE "id" = ${id}`
  return rows[0] ? withDecimal(rows[0]) : null
}

/** An event with where it came from, when a bridge wrote it. */
export interface EventRow extends StoredEvent {
  journalId: string | null
  journalN: number | null
}

/** The row, held until the transaction ends; null when there is none. */
export async function lockAgent(db: Db, id: string): Promise<Prisma.AgentModel | null> {
  const rows = await db.$queryRaw<Prisma.AgentModel[]>`SELECT * FROM "Agent" WHERE "id" = ${id} FOR UPDATE`
  return rows[0] ? withDecimal(rows[0]) : null
}

export type RunChoice = { which: 'open' } | { which: 'latest' } | { which: 'named'; id: string }

export async function readRun(db: Db, agentId: string, choice: RunChoice): Promise<Prisma.RunModel | null> {
  const conditions = {
    open: Prisma.sql`AND "status" <> 'ENDED'`,
    latest: Prisma.sql`ORDER BY "createdAt" DESC`,
    named: Prisma.sql`AND "id" = ${choice.which === 'named' ? choice.id : null}`,
  }
  const rows = await db.$queryRaw<
    Prisma.RunModel[]
  >`SELECT * FROM "Run" WHERE "agentId" = ${agentId} ${conditions[choice.which]} LIMIT 1`
  return rows[0] ? withDecimal(rows[0]) : null
}

export async function patchRun(db: Db, id: string, patch: RunPatch): Promise<void> {
  const columns = assign(patch)
  if (columns.length === 0) return
  await db.$executeRaw`UPDATE "Run" SET ${Prisma.join(columns)} WHERE "id" = ${id}`
}

/** Beyond so much a page ends early: a log may hold 256 KiB an event, and a reader may ask for a thousand. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024

/**
 * Events beside `seq`, the nearest first: at most `limit`, fewer where they are large, at least one where there is one. With
 * `calls` the tool's calls and results of that run only, and of these not what they put out.
 */
export async function readEventPage(
  db: Db,
  input: {
    agentId: string
    side: 'after' | 'before'
    seq: number
    limit: number
    calls?: { runId: string; tool: string }
  },
): Promise<Prisma.EventModel[]> {
  const { agentId, side, seq, limit, calls } = input
  const [beyond, order] =
    side === 'after'
      ? [Prisma.sql`"seq" > ${seq}`, Prisma.sql`"seq" ASC`]
      : [Prisma.sql`"seq" < ${seq}`, Prisma.sql`"seq" DESC`]
  const [data, only] = calls
    ? [
        Prisma.sql`"data" - 'output' AS "data"`,
        Prisma.sql`AND "runId" = ${calls.runId} AND "type" IN ('tool_call', 'tool_result') AND "data"->>'tool' = ${calls.tool}`,
      ]
    : [Prisma.sql`"data"`, Prisma.empty]
  return await db.$queryRaw<Prisma.EventModel[]>`
    SELECT "agentId", "seq", "id", "runId", "type", "data", "journalId", "journalN", "createdAt" FROM (
      SELECT *, octet_length("data"::text) AS "bytes", sum(octet_length("data"::text)) OVER (ORDER BY ${order}) AS "total"
      FROM (
        SELECT "agentId", "seq", "id", "runId", "type", ${data}, "journalId", "journalN", "createdAt"
        FROM "Event" WHERE "agentId" = ${agentId} AND ${beyond} ${only} ORDER BY ${order} LIMIT ${limit}
      ) AS "page"
    ) AS "sized"
    WHERE "total" <= ${MAX_PAGE_BYTES} OR "total" = "bytes"
    ORDER BY ${order}`
}

export interface AgentChange {
  agentId: string
  events: readonly EventRow[]
  /** Columns and their new values; those that are undefined stay. */
  columns: Record<string, unknown>
  now: Date
  /** Nothing is stored unless it holds the agent's lease. */
  holder: Holder | null
}

/** Inserts the events and updates the agent, in one statement. False, with nothing to be kept, when the holder is none. */
export async function storeChange(db: Db, change: AgentChange): Promise<boolean> {
  const { agentId, events, now, holder } = change
  const columns = assign({ ...change.columns, updatedAt: now })
  const held =
    holder === null
      ? Prisma.empty
      : Prisma.sql`AND EXISTS (
          SELECT 1 FROM "Lease" WHERE "agentId" = ${agentId} AND "owner" = ${holder.owner} AND "fence" = ${holder.fence}
        )`
  const update = Prisma.sql`UPDATE "Agent" SET ${Prisma.join(columns)} WHERE "id" = ${agentId} ${held}`
  if (events.length === 0) return (await db.$executeRaw(update)) === 1
  const updated = await db.$executeRaw`
    WITH inserted AS (
      INSERT INTO "Event" ("agentId", "seq", "id", "runId", "type", "data", "journalId", "journalN", "createdAt")
      SELECT ${agentId}, e."seq", e."id", e."runId", e."type", e."data", e."journalId", e."journalN", e."createdAt"
      FROM jsonb_to_recordset(${JSON.stringify(events)}::jsonb) AS e(
        "seq" int, "id" text, "runId" text, "type" text, "data" jsonb, "journalId" text, "journalN" int,
        "createdAt" timestamptz
      )
    )
    ${update}`
  return updated === 1
}

/** `"column" = value` for each; the names are this folder's own, never a caller's text. */
function assign(fields: Record<string, unknown>): Prisma.Sql[] {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => Prisma.sql`${Prisma.raw(`"${name}"`)} = ${toValue(value)}`)
}

function toValue(value: unknown): Prisma.Sql {
  // With its zone, whatever the session's is.
  if (value instanceof Date) return Prisma.sql`${value.toISOString()}::timestamptz`
  // Much of it comes from sandboxes, and the database refuses a whole statement for one character.
  const clean = cleanText(value)
  if (typeof clean === 'object' && clean !== null) return Prisma.sql`${JSON.stringify(clean)}::jsonb`
  return Prisma.sql`${clean}`
}

/** What is read by SQL has every type of the model but this one, which may come as text. */
function withDecimal<T extends { costUsd: Prisma.Decimal }>(row: T): T {
  return { ...row, costUsd: new Prisma.Decimal(row.costUsd) }
}
