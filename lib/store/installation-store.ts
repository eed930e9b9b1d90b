/** What is kept once for an installation, and the small tables around the agents: leases, idempotency keys. */
import { Prisma, type PrismaClient } from './generated/client.ts'
import type { IdempotencyStore, InstallationStore, LeaseStore } from './stores.ts'

export function createInstallationStore(prisma: PrismaClient): InstallationStore {
  return {
    async ensure(newId) {
      await prisma.installation.createMany({ data: { key: 1, id: newId }, skipDuplicates: true })
      return await prisma.installation.findUniqueOrThrow({ where: { key: 1 }, select: { id: true, driver: true } })
    },
    async chooseDriver(driver) {
      await prisma.installation.updateMany({ where: { key: 1, driver: null }, data: { driver } })
      const row = await prisma.installation.findUniqueOrThrow({ where: { key: 1 } })
      return row.driver ?? driver
    },
    async keepIdentity({ place, keyCheck }) {
      await prisma.installation.updateMany({ where: { key: 1, place: null }, data: { place } })
      await prisma.installation.updateMany({ where: { key: 1, keyCheck: null }, data: { keyCheck } })
      const row = await prisma.installation.findUniqueOrThrow({ where: { key: 1 } })
      return { place: row.place ?? place, keyCheck: row.keyCheck ?? keyCheck }
    },
    async replace({ id, place, keyCheck }) {
      await prisma.installation.update({ where: { key: 1 }, data: { id, place, keyCheck } })
    },
    async readServer() {
      const rows = await prisma.$queryRaw<{ server: string; database: string }[]>`
        SELECT system_identifier::text AS "server", current_database()::text AS "database" FROM pg_control_system()`
      const [server] = rows
      if (server === undefined) throw new Error('The server does not say which one it is.')
      return server
    },
  }
}

/** When a lease expires that its owner gave back. */
const RELEASED = Prisma.sql`'epoch'::timestamptz`

const fromNow = (ms: number) => Prisma.sql`now() + ${ms}::double precision * interval '1 millisecond'`

export function createLeaseStore(prisma: PrismaClient): LeaseStore {
  return {
    async acquire({ agentId, owner, held = null, leaseMs }) {
      const rows = await prisma.$queryRaw<{ fence: bigint }[]>`
        INSERT INTO "Lease" ("agentId", "owner", "fence", "expiresAt")
        VALUES (${agentId}, ${owner}, floor(extract(epoch FROM now()) * 1000), ${fromNow(leaseMs)})
        ON CONFLICT ("agentId") DO UPDATE
          SET "owner" = EXCLUDED."owner", "expiresAt" = EXCLUDED."expiresAt",
            "fence" = CASE
              WHEN "Lease"."owner" = EXCLUDED."owner" AND "Lease"."fence" = ${held}::bigint THEN "Lease"."fence"
              ELSE GREATEST("Lease"."fence" + 1, EXCLUDED."fence")
            END
          WHERE "Lease"."owner" = EXCLUDED."owner" OR "Lease"."expiresAt" < now()
        RETURNING "fence"`
      const [lease] = rows
      return lease === undefined ? null : Number(lease.fence)
    },
    async renew(owner, leaseMs) {
      const rows = await prisma.$queryRaw<{ agentId: string }[]>`
        UPDATE "Lease" SET "expiresAt" = ${fromNow(leaseMs)}
        WHERE "owner" = ${owner} AND "expiresAt" > ${RELEASED}
        RETURNING "agentId"`
      return rows.map(({ agentId }) => agentId)
    },
    async release(agentId, owner) {
      // The row stays, so that the fencing number goes on growing.
      await prisma.$executeRaw`
        UPDATE "Lease" SET "expiresAt" = ${RELEASED} WHERE "agentId" = ${agentId} AND "owner" = ${owner}`
    },
  }
}

export function createIdempotencyStore(prisma: PrismaClient): IdempotencyStore {
  return {
    async begin({ userId, key, requestHash, now }) {
      const made = await prisma.idempotencyKey.createMany({
        data: { userId, key, requestHash, createdAt: now },
        skipDuplicates: true,
      })
      if (made.count === 1) return { state: 'new' }
      const row = await prisma.idempotencyKey.findUnique({ where: { userId_key: { userId, key } } })
      if (!row) return { state: 'new' }
      return {
        state: row.status === null ? 'pending' : 'done',
        requestHash: row.requestHash,
        status: row.status,
        body: row.body,
      }
    },
    async finish({ userId, key, status, body }) {
      await prisma.idempotencyKey.update({
        where: { userId_key: { userId, key } },
        data: { status, body: body === null ? Prisma.DbNull : (body as Prisma.InputJsonValue) },
      })
    },
    async abandon({ userId, key }) {
      await prisma.idempotencyKey.deleteMany({ where: { userId, key, status: null } })
    },
    async removeOlderThan(before) {
      await prisma.idempotencyKey.deleteMany({ where: { createdAt: { lt: before } } })
    },
  }
}
