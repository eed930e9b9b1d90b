/** Structured log: one line a record on standard error. Errors are logged once, at the edge, with their chain of causes. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type LogFields = Record<string, unknown>

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to every record. */
  with(fields: LogFields): Logger
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 }

export interface LoggerOptions {
  level?: LogLevel
  fields?: LogFields
  write?: (line: string) => void
  now?: () => Date
}

/** Records below `level` are dropped. An `error` field is written as its messages, outermost first, and its stack. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', fields: bound = {}, now = () => new Date() } = options
  const write = options.write ?? ((line: string) => process.stderr.write(`${line}\n`))
  const log = (recordLevel: LogLevel, message: string, fields: LogFields = {}) => {
    if (RANK[recordLevel] < RANK[level]) return
    write(
      JSON.stringify({ time: now().toISOString(), level: recordLevel, message, ...bound, ...describeErrors(fields) }),
    )
  }
  return {
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
    with: (fields) => createLogger({ ...options, fields: { ...bound, ...fields } }),
  }
}

export const silentLogger: Logger = createLogger({ write: () => {} })

function describeErrors(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? causeChain(value) : value]),
  )
}

/** Messages of an error and its causes, outermost first, then the innermost stack. */
export function causeChain(error: unknown): { messages: string[]; stack?: string } {
  const messages: string[] = []
  let current: unknown = error
  let stack: string | undefined
  for (let depth = 0; current !== undefined && current !== null && depth < 10; depth += 1) {
    if (current instanceof Error) {
      messages.push(`${current.name}: ${current.message}`)
      stack = current.stack
      current = current.cause
    } else {
      messages.push(String(current))
      break
    }
  }
  return stack === undefined ? { messages } : { messages, stack }
}
