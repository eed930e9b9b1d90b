/** Makes the Prisma client. Owns the pool's size and its deadlines; which tables there are is the schema's. */
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/client.ts'

/** Enough for a page's parallel reads and the streams' writes; a server shared by several control planes allows 100 by default. */
const POOL_SIZE = 10
const CONNECT_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 60_000

/** A client on the database at `url` (postgres://...). It connects with the first query; end it with `$disconnect()`. */
export function createPrismaClient(url: string): PrismaClient {
  const adapter = new PrismaPg({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
  })
  return new PrismaClient({ adapter })
}
