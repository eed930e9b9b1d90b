-- AlterTable
ALTER TABLE "Run" ADD COLUMN     "model" TEXT;
