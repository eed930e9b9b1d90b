/**
 * Which agents are held, by the clock by which leases expire: the database's, which all control planes share. Their own may differ
 * by more than a lease lasts.
 */
import { Prisma } from './generated/client.ts'

/** Ids of the agents whose lease lasts still; `besides` leaves that owner's out. */
export async function listHeld(
  db: Pick<Prisma.TransactionClient, '$queryRaw'>,
  { besides = null }: { besides?: string | null } = {},
): Promise<string[]> {
  const others = besides === null ? Prisma.empty : Prisma.sql`AND "owner" <> ${besides}`
  const rows = await db.$queryRaw<{ agentId: string }[]>`
    SELECT "agentId" FROM "Lease" WHERE "expiresAt" >= now() ${others}`
  return rows.map(({ agentId }) => agentId)
}
