/**
 * Prisma's schema engine as WebAssembly, in this process: the native one is a download from a host that company proxies do not
 * let through. Owns the one instance of the module; what is asked of the engine is the caller's.
 */
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import { createSchemaAdapterFactory } from './adapter.ts'

export type SchemaEngine = bindings.SchemaEngine

/** What the generated bindings export beside their declared types. */
interface Bindings {
  __wbg_set_wasm(exports: WebAssembly.Exports): void
}

interface PanicRegistry {
  set_message(message: string): void
  get(): string
}

declare global {
  /** The module reports a panic here before it traps. */
  var PRISMA_WASM_PANIC_REGISTRY: PanicRegistry | undefined
}

/** The engine leaves the deadline of its lock running for 10 s, which would keep a finished process alive. */
const timers = new Set<NodeJS.Timeout>()

/** The module's imports, its timers known to us. */
function importsOfModule(): WebAssembly.ModuleImports {
  const entries = Object.entries(bindings).map(([name, value]) =>
    name.startsWith('__wbg_setTimeout_') ? [name, startTimer] : [name, value],
  )
  return Object.fromEntries(entries)
}

function startTimer(callback: () => void, delayMs: number): NodeJS.Timeout {
  const timer = setTimeout(() => {
    timers.delete(timer)
    callback()
  }, delayMs >>> 0)
  timers.add(timer)
  return timer
}

function releaseTimers(): void {
  for (const timer of timers) timer.unref()
  timers.clear()
}

let panicMessage = ''
let loading: Promise<void> | undefined

async function load(): Promise<void> {
  globalThis.PRISMA_WASM_PANIC_REGISTRY ??= {
    set_message: (message) => {
      panicMessage = message
    },
    get: () => panicMessage,
  }
  const glue = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm/schema_engine_bg')
  const bytes = await readFile(path.join(path.dirname(glue), 'schema_engine_bg.wasm'))
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': importsOfModule() })
  ;(bindings as unknown as Bindings).__wbg_set_wasm(instance.exports)
  const begin = instance.exports.__wbindgen_start
  if (typeof begin !== 'function')
    throw new Error('The schema engine has no __wbindgen_start: its version does not fit.')
  begin()
}

export interface SchemaEngineInput {
  /** postgres://... of a database that exists. */
  url: string
  /** Path and content of each schema file, for what compares with the schema. */
  schema?: [path: string, content: string][]
  onLog?: (line: string) => void
}

/** Runs `use` with an engine on the database, and closes every connection it made, shadow databases included. */
export async function withSchemaEngine<T>(
  input: SchemaEngineInput,
  use: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  loading ??= load()
  await loading
  const adapters = createSchemaAdapterFactory(input.url)
  try {
    const engine = await bindings.SchemaEngine.new(
      { datamodels: input.schema },
      input.onLog ?? (() => {}),
      bindMigrationAwareSqlAdapterFactory(adapters),
    )
    const result = await use(engine)
    engine.free()
    return result
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error
    // What trapped is in no known state: the next call makes a new instance.
    loading = undefined
    throw new Error(`The schema engine failed: ${panicMessage || error.message}`, { cause: error })
  } finally {
    releaseTimers()
    await adapters.disposeAll()
  }
}
