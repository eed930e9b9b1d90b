-- AlterTable
ALTER TABLE "Agent" ADD COLUMN     "undeliveredRunId" TEXT;

-- Until now an agent that is RUNNING without an open run was one whose work was still to leave.
UPDATE "Agent" SET "undeliveredRunId" = (
  SELECT "id" FROM "Run" WHERE "Run"."agentId" = "Agent"."id" ORDER BY "createdAt" DESC LIMIT 1
)
WHERE "status" = 'RUNNING'
  AND NOT EXISTS (SELECT 1 FROM "Run" WHERE "Run"."agentId" = "Agent"."id" AND "Run"."status" <> 'ENDED');
