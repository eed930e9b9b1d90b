/**
 * Brings a database to the schema of this version: applies the migrations of prisma/migrations that it does not have yet. Runs
 * in this process, needs no download. Several control planes may call it at once: the engine holds an advisory lock.
 */
import { withSchemaEngine } from './schema-engine/engine.ts'
import { migrationsDirectory, readMigrations } from './schema-engine/migrations-folder.ts'

export interface MigrateOptions {
  /** Absolute; default prisma/migrations of this project. */
  directory?: string
}

/**
 * Applies what is missing on the database at `url`, which must exist. Answers the names of the applied migrations, oldest
 * first; empty when the database is up to date. Throws with the database's own words when a migration fails; what that one
 * did is rolled back, and the next call refuses until the failed row of "_prisma_migrations" is resolved.
 */
export async function migrateDatabase(url: string, options: MigrateOptions = {}): Promise<{ applied: string[] }> {
  const migrationsList = await readMigrations(options.directory ?? migrationsDirectory)
  return withSchemaEngine({ url }, async (engine) => {
    const result = await engine.applyMigrations({
      migrationsList,
      filters: { externalTables: [], externalEnums: [] },
    })
    return { applied: result.appliedMigrationNames }
  })
}
