/** Writes the next migration: what leads from prisma/migrations to prisma/schema.prisma. A developer's tool. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { withSchemaEngine } from './schema-engine/engine.ts'
import { lockFileContent, migrationsDirectory, readMigrations, schemaFile } from './schema-engine/migrations-folder.ts'

export interface CreateMigrationInput {
  /** A server on which a scratch database may be made; nothing in the database itself is read or changed. */
  url: string
  /** In words; becomes part of the folder's name. */
  name: string
  now?: Date
}

/** Writes `<timestamp>_<name>/migration.sql` and answers its path; null when the schema has no change to migrate. */
export async function createMigration({ url, name, now = new Date() }: CreateMigrationInput): Promise<string | null> {
  const script = await diffWithSchema(url)
  if (script === null) return null
  const timestamp = now.toISOString().replaceAll(/\D/g, '').slice(0, 14)
  const words = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_')
  const file = path.join(migrationsDirectory, `${timestamp}_${words}`, 'migration.sql')
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, script)
  await writeFile(path.join(migrationsDirectory, 'migration_lock.toml'), lockFileContent)
  return file
}

/** The statements that lead from the migrations to the schema, null when there are none. */
export async function diffWithSchema(url: string): Promise<string | null> {
  await mkdir(migrationsDirectory, { recursive: true })
  const migrations = await readMigrations()
  const schema = { path: schemaFile, content: await readFile(schemaFile, 'utf8') }
  const { exitCode, stdout } = await withSchemaEngine({ url }, (engine) =>
    engine.diff({
      from: { tag: 'migrations', ...migrations },
      to: { tag: 'schemaDatamodel', files: [schema] },
      script: true,
      exitCode: true,
      filters: { externalTables: [], externalEnums: [] },
    }),
  )
  return exitCode === 0 ? null : stdout
}
