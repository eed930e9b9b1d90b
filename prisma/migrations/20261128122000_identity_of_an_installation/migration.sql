-- AlterTable
ALTER TABLE "Installation" ADD COLUMN     "keyCheck" TEXT,
ADD COLUMN     "place" TEXT;
