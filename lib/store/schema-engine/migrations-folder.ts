/** The folder prisma/migrations as the schema engine wants to be told of it. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { MigrationList } from '@prisma/schema-engine-wasm/schema_engine_bg'

const prismaDirectory = fileURLToPath(new URL('../../../prisma', import.meta.url))
export const migrationsDirectory = path.join(prismaDirectory, 'migrations')
export const schemaFile = path.join(prismaDirectory, 'schema.prisma')
export const lockFileContent = `# Made by \`npm run migration\`; tells which database the migrations are for.
provider = "postgresql"
`

/** The migrations in the order of their names. A folder without a migration.sql is the engine's to refuse. */
export async function readMigrations(directory: string = migrationsDirectory): Promise<MigrationList> {
  const entries = await readdir(directory, { withFileTypes: true })
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
  return {
    baseDir: directory,
    lockfile: { path: 'migration_lock.toml', content: lockFileContent },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(
      names.map(async (name) => ({
        path: name,
        migrationFile: {
          path: 'migration.sql',
          content: { tag: 'ok' as const, value: await readFile(path.join(directory, name, 'migration.sql'), 'utf8') },
        },
      })),
    ),
  }
}
