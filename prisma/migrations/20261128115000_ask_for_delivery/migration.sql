-- AlterTable
ALTER TABLE "Agent" ADD COLUMN     "deliveryAskedAt" TIMESTAMPTZ(3);
