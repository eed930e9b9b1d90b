/** Makes the Prisma client; which tables there are is the schema's. */
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from './generated/client.ts'
import { createPool, type PoolOptions } from './pool.ts'

/**
 * Statements that begin with a line `-- name` are prepared once for each connection: planning one costs the database more than
 * doing it. Only those whose result no migration changes may be; of others a plan would be kept that no longer fits.
 */
const statementNameGenerator = ({ sql }: { sql: string }) => /^\s*-- ([\w-]+)\n/.exec(sql)?.[1] ?? ''

/** A client on the database at `url` (postgres://...). It connects with the first query; end it with `$disconnect()`. */
export function createPrismaClient(url: string, options: PoolOptions = {}): PrismaClient {
  return new PrismaClient({
    adapter: new PrismaPg(createPool(url, options), { disposeExternalPool: true, statementNameGenerator }),
  })
}
