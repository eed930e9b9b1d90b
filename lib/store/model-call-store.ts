/**
 * Model calls and what they hold of an agent's limits, in SQL: every step of every run waits for it. Owns: that a call is opened
 * on the state its limits were reckoned from, or not at all. Must not know: prices, limits.
 *
 * The agent's `budgetVersion` grows with every call that is opened or settled, so one conditional UPDATE is enough: whoever
 * reckoned on an older state reads it again.
 */
import type { Limits } from '../domain/agent.ts'
import type { Prisma, PrismaClient } from './generated/client.ts'
import { listHeld } from './held-agents.ts'
import type { ModelCallStore, OpenModelCall } from './stores.ts'

interface BudgetRow {
  version: number
  runId: string
  cancelRequested: boolean
  model: string
  limits: unknown
  runUsd: number
  runHeldUsd: number
  totalUsd: number
  todayUsd: number
  heldUsd: number
  runTokens: number
  runHeldTokens: number
}

export function createModelCallStore(prisma: PrismaClient): ModelCallStore {
  return {
    async readBudget({ agentId, today }) {
      const rows = await prisma.$queryRaw<BudgetRow[]>`
        -- read-budget
        SELECT
          a."budgetVersion" AS "version", COALESCE(r."model", a."model") AS "model", a."limits", r."id" AS "runId",
          r."cancelRequestedAt" IS NOT NULL AS "cancelRequested",
          a."costUsd"::float8 AS "totalUsd", r."costUsd"::float8 AS "runUsd",
          (r."inputTokens" + r."outputTokens")::float8 AS "runTokens",
          held.*, spent.*
        FROM "Agent" a
        JOIN "Run" r ON r."agentId" = a."id" AND r."status" <> 'ENDED'
        CROSS JOIN LATERAL (
          SELECT
            COALESCE(SUM(m."reservedUsd"), 0)::float8 AS "heldUsd",
            COALESCE(SUM(m."reservedUsd") FILTER (WHERE m."runId" = r."id"), 0)::float8 AS "runHeldUsd",
            COALESCE(SUM(m."reservedTokens") FILTER (WHERE m."runId" = r."id"), 0)::float8 AS "runHeldTokens"
          FROM "ModelCall" m WHERE m."agentId" = a."id" AND m."settledAt" IS NULL
        ) held
        CROSS JOIN LATERAL (
          SELECT COALESCE(SUM(m."costUsd"), 0)::float8 AS "todayUsd" FROM "ModelCall" m
          WHERE a."limits"->>'maxCostUsdPerDay' IS NOT NULL
            AND m."agentId" = a."id" AND m."createdAt" >= ${today.toISOString()}::timestamptz AND m."settledAt" IS NOT NULL
        ) spent
        WHERE a."id" = ${agentId}`
      const [row] = rows
      if (!row) return null
      const { version, runId, cancelRequested, model, limits, ...spending } = row
      return { version, run: { id: runId, cancelRequested }, model, limits: limits as Limits, spending }
    },

    async open({ id, agentId, runId, model, promptTokens, reservedTokens, reservedUsd, version }) {
      const opened = await prisma.$executeRaw`
        -- open-model-call
        WITH held AS (
          UPDATE "Agent" SET "budgetVersion" = "budgetVersion" + 1
          WHERE "id" = ${agentId} AND "budgetVersion" = ${version} AND EXISTS (
            SELECT 1 FROM "Run"
            WHERE "id" = ${runId} AND "agentId" = ${agentId} AND "status" <> 'ENDED' AND "cancelRequestedAt" IS NULL
          )
          RETURNING "id"
        )
        INSERT INTO "ModelCall" ("id", "agentId", "runId", "model", "inputTokens", "reservedTokens", "reservedUsd")
        SELECT ${id}, "id", ${runId}, ${model}, ${promptTokens}, ${reservedTokens}, ${reservedUsd}::numeric FROM held`
      return opened === 1
    },

    async noteGeneration(id, generationId) {
      await prisma.$executeRaw`
        -- note-generation
        UPDATE "ModelCall" SET "generationId" = ${generationId} WHERE "id" = ${id} AND "settledAt" IS NULL`
    },

    async noteCut(id, { inputTokens, outputTokens, generationId, cutAt }) {
      await prisma.$executeRaw`
        UPDATE "ModelCall" SET
          "inputTokens" = ${inputTokens}, "outputTokens" = ${outputTokens}, "generationId" = ${generationId},
          "cutAt" = ${cutAt.toISOString()}::timestamptz
        WHERE "id" = ${id} AND "settledAt" IS NULL`
    },

    async find(id) {
      const row = await prisma.modelCall.findFirst({ where: { id, settledAt: null } })
      return row && toOpenCall(row)
    },

    async listOpen({ instanceId, limit }) {
      const held = await listHeld(prisma, { besides: instanceId })
      const rows = await prisma.modelCall.findMany({
        where: { settledAt: null, agentId: { notIn: held } },
        orderBy: { createdAt: 'asc' },
        take: limit,
      })
      return rows.map(toOpenCall)
    },
  }
}

function toOpenCall(row: Prisma.ModelCallModel): OpenModelCall {
  return { ...row, inputTokens: row.inputTokens ?? 0, reservedUsd: row.reservedUsd?.toNumber() ?? null }
}
