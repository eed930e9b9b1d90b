/**
 * The settings of the control plane: the one place that reads the environment. One schema, all errors at once. What is made
 * on the first start (secret key, session secret, database password) lies in the data folder and comes in as `made`.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'

const blankIsUnset = (value: unknown) => (typeof value === 'string' && value.trim() === '' ? undefined : value)
const optional = <T extends z.ZodType>(schema: T) => z.preprocess(blankIsUnset, schema.optional())
const withDefault = <T extends z.ZodType>(schema: T, value: z.input<T>) =>
  z.preprocess((given) => blankIsUnset(given) ?? value, schema)

const wholeNumber = (words: string, isAllowed: (value: number) => boolean) =>
  z.coerce.number(words).refine((value) => Number.isInteger(value) && isAllowed(value), words)
const port = wholeNumber('must be a number from 0 to 65535', (value) => value >= 0 && value <= 65_535)
const DURATION_UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Milliseconds; null for `never`. */
const duration = z.string().transform((given, context) => {
  if (given.trim() === 'never') return null
  const [, amount, unit = ''] = /^\s*(\d{1,6})\s*([smhd])\s*$/.exec(given) ?? []
  const ms = Number(amount) * (DURATION_UNITS[unit] ?? 0)
  if (ms > 0) return ms
  context.addIssue({ code: 'custom', message: 'must be a time such as 90s, 15m, 2h or 1d, or never' })
  return z.NEVER
})
const positive = wholeNumber('must be a whole number above 0', (value) => value > 0)
/** In less than this no sandbox starts: mostly a number of megabytes, or of CPUs, was meant. */
const LEAST_MEMORY_BYTES = 64 * 2 ** 20
const LEAST_NANO_CPUS = 10_000_000
const memoryBytes = wholeNumber(
  `must be a number of bytes, ${LEAST_MEMORY_BYTES} (64 MiB) or more: 2147483648 is 2 GiB`,
  (value) => value >= LEAST_MEMORY_BYTES,
)
const nanoCpus = wholeNumber(
  `must be billionths of a CPU, ${LEAST_NANO_CPUS} or more: 1000000000 is one`,
  (value) => value >= LEAST_NANO_CPUS,
)
const baseUrl = z
  .url({ protocol: /^https?$/, error: 'must be an address such as https://example.com' })
  .transform((url) => url.replace(/\/+$/, ''))
const publicUrl = baseUrl.refine(
  (url) => new URL(url).pathname === '/',
  'must be an address without a path: the pages lie at its top',
)
/** What a `#`, a `/` or a `?` of a password would begin is no address any more, or that of another host. */
const DATABASE_URL_WORDS =
  'must be postgres://user:password@host:5432/database. In a password, # is written %23, / is %2F, ? is %3F, @ is %40, % is %25'
const databaseUrl = z
  .url({ protocol: /^postgres(ql)?$/, error: DATABASE_URL_WORDS, abort: true })
  .refine((url) => new URL(url).hash === '', DATABASE_URL_WORDS)
const imageName = (example: string) =>
  z.string().regex(/^\s*[\w.-]+([:/@][\w.-]+)*\s*$/, `must be the name of an image, such as ${example}`)
const folder = z.string().regex(/^(?!\s*~(\/|\s*$))/, 'must be written out: only a shell knows what ~ is')
/** A name, `*.` before it for what is below it, or an address; IPv6 with a port in brackets. */
const HOST_PATTERN = /^((\*\.)?[a-z0-9_.-]+(:\d{1,5})?|\[[0-9a-f:.]+\](:\d{1,5})?|[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*)$/
const hostList = z
  .string()
  .transform((list) =>
    list
      .split(',')
      .map((host) => host.trim().toLowerCase())
      .filter((host) => host !== ''),
  )
  .refine(
    (hosts) => hosts.every((host) => HOST_PATTERN.test(host)),
    'must be host names with commas between, such as files.example.com,*.example.org',
  )
const registry = z
  .string()
  .refine((url) => URL.canParse(url.trim()), 'must be an address such as https://registry.example.com')
/** Go takes a host without a scheme for https. */
const canParseGoProxy = (part: string) => URL.canParse(part.includes('://') ? part : `https://${part || 'empty'}`)
const goProxy = z
  .string()
  .refine(
    (list) => list.split(/[,|]/).every((part) => canParseGoProxy(part.trim())),
    'must be addresses such as https://goproxy.example.com, direct or off, with commas between',
  )
const environment = z.object({
  PORT: withDefault(port, 3000),
  HOST: withDefault(z.string(), '127.0.0.1'),
  DATABASE_URL: optional(databaseUrl),
  BERTH_DATA_DIR: withDefault(folder, './.berth'),
  BERTH_SECRET_KEY: optional(z.string().min(32, 'must have at least 32 characters')),
  NEXTAUTH_SECRET: optional(z.string().min(32, 'must have at least 32 characters')),
  NEXTAUTH_URL: optional(publicUrl),
  BERTH_SANDBOX: optional(
    z.enum(['docker', 'process'], 'must be docker, or process (not isolated): no other kind of sandbox is built yet'),
  ),
  DOCKER_HOST: optional(
    z.string().regex(/^(unix|tcp|https?):\/\/./, 'must begin with unix://, tcp://, http:// or https://'),
  ),
  BERTH_AGENT_IMAGE: optional(imageName('registry.example.com/agents:1')),
  BERTH_BASE_IMAGE: withDefault(imageName('debian:bookworm-slim'), 'debian:bookworm-slim'),
  BERTH_EGRESS_ALLOW: withDefault(hostList, ''),
  BERTH_EGRESS_INTERNAL_HOSTS: withDefault(hostList, ''),
  BERTH_EXTRA_CA: optional(z.string()),
  NODE_EXTRA_CA_CERTS: optional(z.string()),
  SSL_CERT_FILE: optional(z.string()),
  HTTPS_PROXY: optional(baseUrl),
  https_proxy: optional(baseUrl),
  HTTP_PROXY: optional(baseUrl),
  http_proxy: optional(baseUrl),
  NO_PROXY: optional(z.string()),
  no_proxy: optional(z.string()),
  NPM_CONFIG_REGISTRY: optional(registry),
  npm_config_registry: optional(registry),
  PIP_INDEX_URL: optional(registry),
  UV_INDEX_URL: optional(registry),
  GOPROXY: optional(goProxy),
  OPENROUTER_API_KEY: optional(z.string()),
  OPENROUTER_BASE_URL: withDefault(baseUrl, 'https://openrouter.ai/api/v1'),
  DEFAULT_AGENT_MODEL: withDefault(z.string(), 'anthropic/claude-sonnet-4.6'),
  GITHUB_TOKEN: optional(z.string()),
  GITHUB_API_URL: withDefault(baseUrl, 'https://api.github.com'),
  GITHUB_URL: withDefault(baseUrl, 'https://github.com'),
  GIT_USER_NAME: withDefault(z.string(), 'Berth'),
  GIT_USER_EMAIL: withDefault(z.string(), 'berth@localhost'),
  DEFAULT_CONTAINER_MEMORY: withDefault(memoryBytes, 2_147_483_648),
  DEFAULT_CONTAINER_CPU: withDefault(nanoCpus, 1_000_000_000),
  MAX_ITERATIONS: withDefault(positive, 15),
  /** Seconds. */
  COMMAND_TIMEOUT: withDefault(positive, 30),
  IDLE_SLEEP_AFTER: withDefault(duration, '15m'),
  BERTH_LOG_LEVEL: withDefault(z.enum(['debug', 'info', 'warn', 'error']), 'info'),
})

/** Every variable that is read, for `.env.example` and its check. */
export const environmentVariables = Object.keys(environment.shape)

export interface Settings {
  port: number
  host: string
  /** Null: the embedded server. */
  databaseUrl: string | null
  /** Absolute. */
  dataDirectory: string
  /** Null until made on the first start. */
  secretKey: string | null
  sessionSecret: string | null
  publicUrl: string | null
  /** Null: chosen at the first start and kept. */
  sandbox: 'docker' | 'process' | null
  dockerHost: string | null
  agentImage: string | null
  baseImage: string
  egress: {
    allow: string[]
    internalHosts: string[]
    /** The company's: addresses with their credentials, and the hosts that are reached without it. */
    proxy: { https: string | null; http: string | null; noProxy: string[] }
  }
  /** A PEM file also trusted by the control plane and in sandboxes. */
  extraCaFile: string | null
  /** Registry variables passed into sandboxes, name to URL, as set (credentials still in them: strip before use). */
  registries: Record<string, string>
  openrouter: { apiKey: string | null; baseUrl: string }
  defaultModel: string
  github: { token: string | null; apiUrl: string; url: string }
  gitUser: { name: string; email: string }
  container: { memoryBytes: number; nanoCpus: number }
  maxSteps: number
  commandTimeoutMs: number
  /** Idle time after which a container is stopped and kept; null: never. */
  idleSleepAfterMs: number | null
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** Every wrong variable of the environment, in words. */
export class SettingsError extends Error {
  readonly problems: { variable: string; words: string }[]
  constructor(problems: { variable: string; words: string }[]) {
    const what = problems.length === 1 ? 'a wrong value' : `${problems.length} wrong values`
    super(`The environment has ${what}:\n  ${problems.map(({ words }) => words).join('\n  ')}`)
    this.name = 'SettingsError'
    this.problems = problems
  }
}

/**
 * Reads `env` (default: the process's own) into settings. Relative paths are taken from `root`.
 * Throws SettingsError with all problems at once; a secret's value is never part of the message.
 */
export function readSettings(
  env: Record<string, string | undefined> = process.env,
  root: string = process.cwd(),
): Settings {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    throw new SettingsError(
      parsed.error.issues.map((issue) => {
        const name = String(issue.path[0])
        const shown = /KEY|SECRET|TOKEN|DATABASE_URL|PROXY|REGISTRY|INDEX_URL/i.test(name)
          ? '(hidden)'
          : JSON.stringify(env[name])
        return { variable: name, words: `${name}=${shown}: ${issue.message}` }
      }),
    )
  }
  const e = parsed.data
  const registries: Record<string, string | undefined> = {
    NPM_CONFIG_REGISTRY: e.NPM_CONFIG_REGISTRY ?? e.npm_config_registry,
    PIP_INDEX_URL: e.PIP_INDEX_URL,
    UV_INDEX_URL: e.UV_INDEX_URL,
    GOPROXY: e.GOPROXY,
  }
  return {
    port: e.PORT,
    host: e.HOST,
    databaseUrl: e.DATABASE_URL ?? null,
    dataDirectory: path.resolve(root, e.BERTH_DATA_DIR),
    secretKey: e.BERTH_SECRET_KEY ?? null,
    sessionSecret: e.NEXTAUTH_SECRET ?? null,
    publicUrl: e.NEXTAUTH_URL ?? null,
    sandbox: e.BERTH_SANDBOX ?? null,
    dockerHost: e.DOCKER_HOST ?? null,
    agentImage: e.BERTH_AGENT_IMAGE ?? null,
    baseImage: e.BERTH_BASE_IMAGE,
    egress: {
      allow: e.BERTH_EGRESS_ALLOW,
      internalHosts: e.BERTH_EGRESS_INTERNAL_HOSTS,
      proxy: {
        https: e.HTTPS_PROXY ?? e.https_proxy ?? null,
        http: e.HTTP_PROXY ?? e.http_proxy ?? null,
        noProxy: (e.NO_PROXY ?? e.no_proxy ?? '')
          .toLowerCase()
          .split(/[\s,]+/)
          .filter((entry) => entry !== ''),
      },
    },
    extraCaFile: e.BERTH_EXTRA_CA ?? e.NODE_EXTRA_CA_CERTS ?? e.SSL_CERT_FILE ?? null,
    registries: Object.fromEntries(Object.entries(registries).filter(([, url]) => url !== undefined)) as Record<
      string,
      string
    >,
    openrouter: { apiKey: e.OPENROUTER_API_KEY ?? null, baseUrl: e.OPENROUTER_BASE_URL },
    defaultModel: e.DEFAULT_AGENT_MODEL,
    github: { token: e.GITHUB_TOKEN ?? null, apiUrl: e.GITHUB_API_URL, url: e.GITHUB_URL },
    gitUser: { name: e.GIT_USER_NAME, email: e.GIT_USER_EMAIL },
    container: { memoryBytes: e.DEFAULT_CONTAINER_MEMORY, nanoCpus: e.DEFAULT_CONTAINER_CPU },
    maxSteps: e.MAX_ITERATIONS,
    commandTimeoutMs: e.COMMAND_TIMEOUT * 1_000,
    idleSleepAfterMs: e.IDLE_SLEEP_AFTER,
    logLevel: e.BERTH_LOG_LEVEL,
  }
}

/** The settings of the installation whose project lies at `root`: its .env file, and over that the environment. */
export function loadSettings(root: string): Settings {
  for (const [name, value] of Object.entries(readEnvFile(root))) process.env[name] ??= value
  return readSettings(process.env, root)
}

/** What .env sets; nothing where there is none. Throws SettingsError when it is there and cannot be read. */
export function readEnvFile(root: string): Record<string, string> {
  try {
    const text = readFileSync(path.join(root, '.env'), 'utf8')
    // The byte order mark that some editors write first would be part of the first name.
    return parseEnv(text.replace(/^\uFEFF/, '')) as Record<string, string>
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    if (error.code === 'ENOENT') return {}
    const words = `.env is there and cannot be read (${error.code}): it must be a file that this user can read.`
    throw new SettingsError([{ variable: '.env', words }])
  }
}

/** The environment of a program that the control plane starts on this machine: its own, and `added`. */
export function environmentWith(added: Record<string, string>): NodeJS.ProcessEnv {
  return { ...process.env, ...added }
}

/** Where programs lie, who it is, its language, its time, its certificates. */
const MACHINE_VARIABLES = [
  'PATH',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LC_ALL',
  'LC_CTYPE',
  'TZ',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'PIP_CERT',
  'REQUESTS_CA_BUNDLE',
  'CARGO_HTTP_CAINFO',
]

/** All that a sandbox gets to see of this environment when it is a process of this machine: keys and tokens are in the rest. */
export function machineVariables(env: Record<string, string | undefined> = process.env): Record<string, string> {
  return Object.fromEntries(
    MACHINE_VARIABLES.flatMap((name) => {
      const value = env[name]
      return value === undefined || value === '' ? [] : [[name, value]]
    }),
  )
}

/** Next and next-auth take these from the environment only; both read them when they are loaded or asked. */
export function publishForNext(input: { publicUrl: string; isDevelopment: boolean }): void {
  Object.assign(process.env, {
    NODE_ENV: input.isDevelopment ? 'development' : 'production',
    NEXTAUTH_URL: input.publicUrl,
    NEXT_TELEMETRY_DISABLED: '1',
  })
}
