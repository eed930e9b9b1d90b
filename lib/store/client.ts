/** Makes the Prisma client; which tables there are is the schema's. */
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/client.ts'
import { createPool, type PoolOptions } from './pool.ts'

/** A client on the database at `url` (postgres://...). It connects with the first query; end it with `$disconnect()`. */
export function createPrismaClient(url: string, options: PoolOptions = {}): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg(createPool(url, options), { disposeExternalPool: true }) })
}
