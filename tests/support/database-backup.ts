/** A backup of a control plane's database, and its restoration: what was stored since is lost, as with any backup. */
import pg from 'pg'

/** Everything that belongs to agents. */
const TABLES = ['Agent', 'Run', 'Event', 'QueuedMessage', 'Lease', 'ModelCall'] as const

export interface DatabaseBackup {
  restore(): Promise<void>
}

export async function backUpDatabase(url: string): Promise<DatabaseBackup> {
  const rows = await withClient(url, async (client) => {
    const kept = new Map<string, string>()
    for (const table of TABLES) {
      const { rows: found } = await client.query(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM "${table}" t`)
      kept.set(table, found[0].rows)
    }
    return kept
  })
  return {
    restore: () =>
      withClient(url, async (client) => {
        await client.query('BEGIN')
        await client.query('DELETE FROM "Agent"')
        for (const table of TABLES) {
          const sql = `INSERT INTO "${table}" SELECT * FROM json_populate_recordset(NULL::"${table}", $1::json)`
          await client.query(sql, [rows.get(table)])
        }
        await client.query('COMMIT')
      }),
  }
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
