/**
 * PostgreSQL as Prisma's schema engine needs it: adapter-pg with its three gaps closed. Knows connections and column types;
 * knows nothing of migrations.
 */
import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import {
  ColumnTypeEnum,
  DriverAdapterError,
  type SqlDriverAdapter,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils'
import pg from 'pg'

/** PostgreSQL's internal one-byte "char" of the catalogue tables, a type that adapter-pg refuses. */
const OID_INTERNAL_CHAR = 18
const OID_TEXT = 25

type Query = (...given: unknown[]) => Promise<unknown>

interface PgResult {
  fields: { dataTypeID: number }[]
  rows: unknown[]
}

const isPgResult = (value: unknown): value is PgResult =>
  typeof value === 'object' && value !== null && 'fields' in value && 'rows' in value && Array.isArray(value.fields)

async function connect(url: string, afterClose: () => Promise<void> = async () => {}): Promise<SqlDriverAdapter> {
  // One session: the engine's advisory lock belongs to the session that took it.
  const pool = new pg.Pool({ connectionString: url, max: 1, idleTimeoutMillis: 0 })
  const query: Query = pool.query.bind(pool)
  const adapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect()
  const queryRaw = adapter.queryRaw.bind(adapter)
  const dispose = adapter.dispose.bind(adapter)
  const charColumns = new WeakMap<unknown[], number[]>()
  Object.assign(pool, { query: (...given: unknown[]) => queryNamingChars(query, charColumns, given) })
  return Object.assign(adapter, {
    queryRaw: async (statement: SqlQuery) => {
      const result = await queryRaw(statement)
      for (const column of charColumns.get(result.rows) ?? []) result.columnTypes[column] = ColumnTypeEnum.Character
      return result
    },
    // The original splits at every semicolon, also inside strings and function bodies. One simple query is also one transaction.
    executeScript: async (script: string) => {
      try {
        await query(script)
      } catch (error) {
        throw toAdapterError(error)
      }
    },
    dispose: async () => {
      await dispose()
      await afterClose()
    },
  })
}

/** Shows adapter-pg "char" columns as text, and remembers by the rows, which it hands on as they are, which ones they were. */
async function queryNamingChars(query: Query, charColumns: WeakMap<unknown[], number[]>, given: unknown[]) {
  const result = await query(...given)
  if (!isPgResult(result)) return result
  const columns = result.fields.flatMap((field, index) => (field.dataTypeID === OID_INTERNAL_CHAR ? [index] : []))
  charColumns.set(result.rows, columns)
  for (const column of columns) Object.assign(result.fields[column] ?? {}, { dataTypeID: OID_TEXT })
  return result
}

function toAdapterError(error: unknown): unknown {
  if (!(error instanceof pg.DatabaseError)) return error
  const { code = 'N/A', severity = 'ERROR', message, detail, column, hint } = error
  return new DriverAdapterError({ kind: 'postgres', code, severity, message, detail, column, hint })
}

/** The original's shadow database connects to the main one when it is given a URL: this one makes a scratch database beside it. */
async function connectToShadow(url: string): Promise<SqlDriverAdapter> {
  const name = `berth_shadow_${randomUUID().replaceAll('-', '')}`
  await runOn(url, `CREATE DATABASE "${name}"`)
  const shadow = new URL(url)
  shadow.pathname = `/${name}`
  return connect(shadow.href, () => runOn(url, `DROP DATABASE "${name}"`))
}

async function runOn(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/** Every connection that is made through the factory, and a way to close those that the engine left open. */
export interface SchemaAdapterFactory extends SqlMigrationAwareDriverAdapterFactory {
  disposeAll(): Promise<void>
}

/** A factory for the schema engine. The engine never disposes what `connect()` returned and its advisory lock outlives it: call `disposeAll()`. */
export function createSchemaAdapterFactory(url: string): SchemaAdapterFactory {
  const open = new Set<() => Promise<void>>()
  const track = (adapter: SqlDriverAdapter): SqlDriverAdapter => {
    const dispose = adapter.dispose.bind(adapter)
    const disposeOnce = async () => {
      if (open.delete(disposeOnce)) await dispose()
    }
    open.add(disposeOnce)
    return Object.assign(adapter, { dispose: disposeOnce })
  }
  return {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: async () => track(await connect(url)),
    connectToShadowDb: async () => track(await connectToShadow(url)),
    disposeAll: async () => {
      for (const dispose of open) await dispose()
    },
  }
}
