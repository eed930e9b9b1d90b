-- AlterTable
ALTER TABLE "Agent" ADD COLUMN     "journalBytes" INTEGER NOT NULL DEFAULT 0;
