/** People, their one-time links and their API tokens. Only hashes of what lets somebody in are here. */
import type { Prisma, PrismaClient } from './generated/client.ts'
import type { User, UserStore } from './stores.ts'

const TOKEN_USE_PRECISION_MS = 60_000

export function createUserStore(prisma: PrismaClient): UserStore {
  return {
    create: async (user) => toUser(await prisma.user.create({ data: { ...user, email: user.email.toLowerCase() } })),
    findById: async (id) => maybeUser(await prisma.user.findUnique({ where: { id } })),
    findByEmail: async (email) => maybeUser(await prisma.user.findUnique({ where: { email: email.toLowerCase() } })),
    findOwner: async () =>
      maybeUser(await prisma.user.findFirst({ where: { role: 'owner' }, orderBy: { createdAt: 'asc' } })),
    setCredentials: async (id, credentials) =>
      toUser(
        await prisma.user.update({ where: { id }, data: { ...credentials, email: credentials.email.toLowerCase() } }),
      ),
    async createLink(link) {
      await prisma.signInLink.create({ data: link })
    },
    async findLink(hash, now) {
      const row = await prisma.signInLink.findUnique({ where: { hash }, include: { user: true } })
      return row && row.usedAt === null && row.expiresAt > now ? { id: row.id, user: toUser(row.user) } : null
    },
    async claimLink({ id, userId, now }) {
      // In one statement: of two links of one person that are used at once, the second finds its own used up.
      const used = await prisma.signInLink.updateManyAndReturn({
        where: { userId, usedAt: null },
        data: { usedAt: now },
        select: { id: true },
      })
      return used.some((link) => link.id === id)
    },
    createToken: async (token) => await prisma.apiToken.create({ data: token }),
    async findByTokenHash(hash, now) {
      const row = await prisma.apiToken.findUnique({ where: { hash }, include: { user: true } })
      if (!row) return null
      if (row.lastUsedAt === null || now.getTime() - row.lastUsedAt.getTime() > TOKEN_USE_PRECISION_MS) {
        await prisma.apiToken.update({ where: { id: row.id }, data: { lastUsedAt: now } })
      }
      return toUser(row.user)
    },
  }
}

function toUser(row: Prisma.UserModel): User {
  return { ...row, role: row.role === 'owner' ? 'owner' : 'member' }
}

function maybeUser(row: Prisma.UserModel | null): User | null {
  return row && toUser(row)
}
