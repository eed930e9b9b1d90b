/**
 * The environment as the doctor takes it: settings even where some values are wrong, and the variables that are shown or compared
 * as they are. Changes nothing, this process's environment included.
 */
import os from 'node:os'
import { readEnvFile, readSettings, type Settings, SettingsError } from '../../lib/config.ts'

type Variables = Record<string, string | undefined>
type Wrong = SettingsError['problems']

export interface DoctorEnvironment {
  /** Without the wrong values: their defaults instead. */
  settings: Settings
  /** Of the variables, and of .env itself. */
  wrong: Wrong
  /** Proxies as set, credentials still in them. */
  proxies: { name: string; value: string }[]
  noProxy: string | null
  /** In the order in which they count. */
  certificates: { name: string; file: string }[]
  /** As npm tells what it runs: "npm/10.9.2 node/v20.18.0 linux x64". Null: not run by npm. */
  userAgent: string | null
  searchPath: string
  temporaryDirectory: string
}

/** `root`: the project's folder, for .env and relative paths; what `given` has comes before .env, as in every start. */
export function readEnvironment(root: string, given: Variables = process.env): DoctorEnvironment {
  const envFile = withoutProblems(() => readEnvFile(root), {})
  const env = { ...envFile.value, ...given }
  const { settings, wrong } = readWhatIsRight(env, root)
  const find = (name: string) => (env[name]?.trim() ? [{ name, value: env[name].trim() }] : [])
  return {
    settings,
    wrong: [...envFile.problems, ...wrong],
    proxies: ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].flatMap(find),
    noProxy: ['NO_PROXY', 'no_proxy'].flatMap(find)[0]?.value ?? null,
    certificates: ['BERTH_EXTRA_CA', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].flatMap((name) =>
      find(name).map(({ value }) => ({ name, file: value })),
    ),
    userAgent: given.npm_config_user_agent ?? null,
    searchPath: env.PATH ?? '',
    temporaryDirectory: env.TMPDIR?.trim() || os.tmpdir(),
  }
}

function readWhatIsRight(env: Variables, root: string): { settings: Settings; wrong: Wrong } {
  const all = withoutProblems(() => readSettings(env, root), null)
  if (all.value !== null) return { settings: all.value, wrong: [] }
  const names = new Set(all.problems.map(({ variable }) => variable))
  const rest = Object.fromEntries(Object.entries(env).filter(([name]) => !names.has(name)))
  return { settings: readSettings(rest, root), wrong: all.problems }
}

function withoutProblems<T, U>(read: () => T, otherwise: U): { value: T | U; problems: Wrong } {
  try {
    return { value: read(), problems: [] }
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    return { value: otherwise, problems: error.problems }
  }
}

/** Everything that must not be shown, as far as the settings know it. */
export function secretsOf({ settings, proxies }: DoctorEnvironment): string[] {
  const urls = [
    ...proxies.map(({ value }) => value),
    ...Object.values(settings.registries),
    ...(settings.databaseUrl === null ? [] : [settings.databaseUrl]),
    settings.openrouter.baseUrl,
    settings.github.apiUrl,
    settings.github.url,
  ]
  const passwords = urls.flatMap((url) => (URL.canParse(url) ? readPassword(new URL(url)) : []))
  const keys = [settings.openrouter.apiKey, settings.github.token, settings.secretKey, settings.sessionSecret]
  return [...passwords, ...keys.flatMap((key) => (key === null ? [] : [key]))]
}

/** As it stands in the address, and decoded where that can be done. */
function readPassword({ password }: URL): string[] {
  try {
    return [password, decodeURIComponent(password)]
  } catch (error) {
    if (error instanceof URIError) return [password]
    throw error
  }
}
