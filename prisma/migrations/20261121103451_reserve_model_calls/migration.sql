-- AlterTable
ALTER TABLE "Agent" ADD COLUMN     "budgetVersion" INTEGER NOT NULL DEFAULT 0;

-- AlterTable
ALTER TABLE "ModelCall" ADD COLUMN     "cutAt" TIMESTAMPTZ(3),
ADD COLUMN     "reservedTokens" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "reservedUsd" DECIMAL(14,8);

-- What the schema language cannot say: the few that are open, among all there ever were.
CREATE INDEX "ModelCall_open" ON "ModelCall"("agentId") WHERE "settledAt" IS NULL;
