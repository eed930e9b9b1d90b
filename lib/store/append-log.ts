/**
 * The two ways into the log in which nothing has to be decided under the row lock, each one statement: what a journal says next, and
 * what a model call cost. Every step of every run waits for them, and each round trip costs as much as its work. Must not know:
 * what may be stored, prices.
 *
 * The agent's row is locked before any other is looked at, as everywhere; a row that is locked or updated is read as it is then.
 */
import { cleanText } from '../../container/contract/events.ts'
import type { StoredEvent } from '../domain/agent.ts'
import type { Ids } from '../ids.ts'
import type { Prisma } from './generated/client.ts'
import type { Appended, JournalAppend, ModelCallSettlement } from './stores.ts'

/** Of a row with its places in the indexes, beside its data. */
const EVENT_BYTES = 512

/** What an event of a journal takes in the database, about. */
export const loggedBytes = (data: Record<string, unknown>): number =>
  EVENT_BYTES + Buffer.byteLength(JSON.stringify(data))

type Db = Pick<Prisma.TransactionClient, '$queryRaw'>
type Place = Omit<Appended, 'stored'>

/** Null, with nothing stored, when the journal does not stand where it should, has no room left, or the holder is none. */
export async function appendJournal(
  db: Db,
  { agentId, journalId, after, events, maxBytes, step, holder }: JournalAppend,
  { ids, now }: { ids: Ids; now: Date },
): Promise<Appended | null> {
  const rows = events.map(({ type, runId, at, data }, index) => ({
    place: index + 1,
    id: ids.next('evt'),
    type,
    runId,
    createdAt: new Date(at),
    data: cleanText(data),
  }))
  const bytes = events.reduce((sum, { data }) => sum + loggedBytes(data), 0)
  const [place] = await db.$queryRaw<Place[]>`
    -- append-journal
    WITH locked AS MATERIALIZED (
      SELECT "id" FROM "Agent"
      WHERE "id" = ${agentId} AND "journalId" = ${journalId} AND "journalN" = ${after}
        AND "journalBytes" + ${bytes} <= ${maxBytes}
      FOR UPDATE
    ), held AS MATERIALIZED (
      SELECT locked."id" FROM locked CROSS JOIN LATERAL (
        SELECT 1 FROM "Lease"
        WHERE "agentId" = locked."id" AND "owner" = ${holder.owner} AND "fence" = ${holder.fence}
        FOR SHARE
      ) lease
    ), moved AS (
      UPDATE "Agent" SET
        "lastSeq" = "lastSeq" + ${rows.length}, "journalN" = ${after + rows.length},
        "journalBytes" = "journalBytes" + ${bytes},
        "updatedAt" = ${now.toISOString()}::timestamptz
      FROM held WHERE "Agent"."id" = held."id"
      RETURNING "Agent"."id", "ownerId", "lastSeq"
    ), stepped AS (
      UPDATE "Run" SET "steps" = ${step?.step ?? 0} FROM moved
      WHERE "Run"."id" = ${step?.runId ?? null} AND "Run"."agentId" = moved."id" AND "status" <> 'ENDED'
    ), inserted AS (
      INSERT INTO "Event" ("agentId", "seq", "id", "runId", "type", "data", "journalId", "journalN", "createdAt")
      SELECT
        moved."id", moved."lastSeq" - ${rows.length} + e."place", e."id", e."runId", e."type", e."data",
        ${journalId}, ${after} + e."place", e."createdAt"
      FROM moved, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS e(
        "place" int, "id" text, "runId" text, "type" text, "data" jsonb, "createdAt" timestamptz
      )
    )
    SELECT "ownerId", "lastSeq" FROM moved`
  if (!place) return null
  const toStored = ({ place: index, ...event }: (typeof rows)[number]): StoredEvent => ({
    ...event,
    seq: place.lastSeq - rows.length + index,
  })
  return { ...place, stored: rows.map(toStored) }
}

/** Null when it was settled before, or is gone with its agent. */
export async function settleModelCall(
  db: Db,
  { id, agentId, runId, usage, event }: ModelCallSettlement,
  { ids, now }: { ids: Ids; now: Date },
): Promise<Appended | null> {
  const row = { id: ids.next('evt'), type: 'usage', runId, createdAt: now, data: cleanText({ ...event }) }
  const costUsd = usage.costUsd ?? 0
  const [place] = await db.$queryRaw<Place[]>`
    -- settle-model-call
    WITH locked AS MATERIALIZED (
      SELECT "id" FROM "Agent" WHERE "id" = ${agentId} FOR UPDATE
    ), settled AS (
      UPDATE "ModelCall" SET
        "inputTokens" = ${usage.inputTokens}, "outputTokens" = ${usage.outputTokens},
        "cachedInputTokens" = ${usage.cachedInputTokens}, "reasoningTokens" = ${usage.reasoningTokens},
        "costUsd" = ${usage.costUsd}::numeric, "generationId" = ${usage.generationId},
        "complete" = ${usage.complete}, "settledAt" = ${now.toISOString()}::timestamptz
      FROM locked
      WHERE "ModelCall"."id" = ${id} AND "ModelCall"."agentId" = locked."id" AND "settledAt" IS NULL
      RETURNING "ModelCall"."agentId"
    ), counted AS (
      UPDATE "Run" SET
        "inputTokens" = "inputTokens" + ${usage.inputTokens}, "outputTokens" = "outputTokens" + ${usage.outputTokens},
        "costUsd" = "costUsd" + ${costUsd}::numeric
      FROM settled WHERE "Run"."id" = ${runId} AND "Run"."agentId" = settled."agentId"
    ), charged AS (
      UPDATE "Agent" SET
        "costUsd" = "costUsd" + ${costUsd}::numeric, "budgetVersion" = "budgetVersion" + 1,
        "lastSeq" = "lastSeq" + 1, "updatedAt" = ${now.toISOString()}::timestamptz
      FROM settled WHERE "Agent"."id" = settled."agentId"
      RETURNING "Agent"."id", "ownerId", "lastSeq"
    ), inserted AS (
      INSERT INTO "Event" ("agentId", "seq", "id", "runId", "type", "data", "createdAt")
      SELECT
        charged."id", charged."lastSeq", ${row.id}, ${runId}, ${row.type}, ${JSON.stringify(row.data)}::jsonb,
        ${now.toISOString()}::timestamptz
      FROM charged
    )
    SELECT "ownerId", "lastSeq" FROM charged`
  return place ? { ...place, stored: [{ ...row, seq: place.lastSeq }] } : null
}
