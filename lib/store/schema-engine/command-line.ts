/**
 * The schema engine as Prisma's command line wants it: a program that is given the schema files and the database as arguments and then answers
 * JSON-RPC lines on standard input, until that ends. Protocol: prisma-engines, schema-engine/cli.
 */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { type SchemaEngine, withSchemaEngine } from './engine.ts'

interface Arguments {
  schemaFiles: string[]
  url: string | null
  /** A command that is answered by the exit code alone. */
  command: string | null
  wantsVersion: boolean
}

export function parseArguments(args: string[]): Arguments {
  const parsed: Arguments = { schemaFiles: [], url: null, command: null, wantsVersion: false }
  const rest = [...args]
  for (let next = rest.shift(); next !== undefined; next = rest.shift()) {
    if (next === '--version' || next === '-V') parsed.wantsVersion = true
    else if (next === '--datamodels' || next === '-d') parsed.schemaFiles.push(rest.shift() ?? '')
    else if (next === '--datasource') parsed.url = readUrl(rest.shift() ?? '{}')
    else if (next === 'cli') parsed.command = rest.shift() ?? ''
  }
  return parsed
}

function readUrl(datasource: string): string | null {
  const parsed: unknown = JSON.parse(datasource)
  return typeof parsed === 'object' && parsed !== null && 'url' in parsed && typeof parsed.url === 'string'
    ? parsed.url
    : null
}

/** Answers the exit code. */
export async function runSchemaEngine(args: string[]): Promise<number> {
  const parsed = parseArguments(args)
  if (parsed.wantsVersion) {
    process.stdout.write('schema-engine-cli wasm\n')
    return 0
  }
  const { url } = parsed
  if (url === null) return refuse('P1012', 'No database is named. Set DATABASE_URL to a PostgreSQL server.')
  const unreachable = await canConnect(url)
  if (unreachable !== 0 || parsed.command === 'can-connect-to-database') return unreachable
  if (parsed.command !== null)
    return refuse('P1014', `This schema engine has no command "${parsed.command}". Use psql.`)
  const schema = await Promise.all(
    parsed.schemaFiles.map(async (file): Promise<[string, string]> => [file, await readFile(file, 'utf8')]),
  )
  return withSchemaEngine({ url, schema: schema.length > 0 ? schema : undefined }, answerRequests)
}

function refuse(code: string, message: string): number {
  const record = { level: 'ERROR', target: 'schema_engine::logger', timestamp: new Date().toISOString() }
  process.stderr.write(`${JSON.stringify({ ...record, fields: { message, error_code: code } })}\n`)
  return 1
}

async function canConnect(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url })
  try {
    await client.connect()
    await client.end()
    return 0
  } catch (error) {
    const isUnknown = error instanceof pg.DatabaseError && error.code === '3D000'
    return refuse(
      isUnknown ? 'P1003' : 'P1001',
      `The database does not answer: ${error instanceof Error ? error.message : error}`,
    )
  }
}

interface Request {
  id: unknown
  method: string
  params: unknown
}

const isRequest = (value: unknown): value is Request =>
  typeof value === 'object' && value !== null && 'method' in value && typeof value.method === 'string' && 'id' in value

async function answerRequests(engine: SchemaEngine): Promise<number> {
  for await (const line of createInterface({ input: process.stdin })) {
    const request: unknown = JSON.parse(line)
    if (!isRequest(request)) continue
    try {
      send({ id: request.id, result: await call(engine, request) })
    } catch (error) {
      send({ id: request.id, error: describeFailure(error) })
    }
  }
  return 0
}

const send = (message: Record<string, unknown>) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

async function call(engine: SchemaEngine, { method, params }: Request): Promise<unknown> {
  const name = method === 'getDatabaseVersion' ? 'version' : method
  const verb: unknown = Reflect.get(engine, name)
  if (typeof verb !== 'function') throw new Error(`The schema engine has no method "${method}".`)
  const result: unknown = await verb.call(engine, params)
  // The native engine prints a diff by asking its caller to.
  if (
    method === 'diff' &&
    typeof result === 'object' &&
    result !== null &&
    'stdout' in result &&
    result.stdout !== null
  ) {
    send({ id: 1, method: 'print', params: { content: result.stdout } })
  }
  return result ?? {}
}

/** JSON-RPC code 4466 and the shape of `data`: how the native engine tells a failure that is meant for the person. */
function describeFailure(error: unknown): Record<string, unknown> {
  const known = typeof error === 'object' && error !== null ? error : {}
  return {
    code: 4466,
    message: 'An error happened. Check the data field for details.',
    data: {
      is_panic: false,
      message: error instanceof Error ? error.message : String(error),
      meta: 'meta' in known ? known.meta : null,
      error_code: 'code' in known ? known.code : null,
    },
  }
}
