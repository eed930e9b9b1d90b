/** Runs npm, and says in words why it failed: by the code that npm names, never by its sentences. */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, mkdir, realpath } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { endAtOnceWithParent, projectDirectory, SetUpError, say } from './project.mjs'

/** What a person or a company may have set for other projects, and what would leave something out here. */
const SETTINGS = [
  // Files that could not be written are warnings to npm, and attempts that failed less than that.
  '--loglevel=http',
  '--no-progress',
  '--no-update-notifier',
  '--no-audit',
  '--no-fund',
  '--include=dev',
  '--include=optional',
  '--include=peer',
  '--install-strategy=hoisted',
  '--no-legacy-peer-deps',
  '--bin-links',
  '--package-lock',
  '--no-dry-run',
  '--no-global',
  '--no-engine-strict',
  // None of them is needed, and some want a compiler or a download that many companies refuse.
  '--ignore-scripts',
]

const NETWORK = 'Check the network, and HTTPS_PROXY if there is a proxy; `npm ping` says whether the registry answers.'
const CERTIFICATE =
  'The registry shows a certificate that npm does not trust. Behind a company proxy, name its authority: NODE_EXTRA_CA_CERTS=/path/to/company.pem npm start'
const RIGHTS =
  'This user may not write there. Run it as the owner of the folder, or give it to this user: sudo chown -R "$USER" .'
const REGISTRY =
  'The registry that npm is set to (`npm config get registry`) does not give out these packages. Correct it, or sign in: npm login'

const CURES = new Map([
  ...['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EAI_AGAIN', 'ENETUNREACH', 'EHOSTUNREACH'].map(
    (code) => [code, NETWORK],
  ),
  ...['ERR_SOCKET_TIMEOUT', 'FETCH_ERROR', 'EPIPE', 'ERR_INVALID_URL'].map((code) => [code, NETWORK]),
  ...[
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_GET_ISSUER_CERT',
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'CERT_UNTRUSTED',
    'CERT_HAS_EXPIRED',
  ].map((code) => [code, CERTIFICATE]),
  ...['EACCES', 'EPERM', 'EROFS'].map((code) => [code, RIGHTS]),
  ...['E401', 'E403', 'E404', 'ENEEDAUTH', 'ETARGET'].map((code) => [code, REGISTRY]),
  ['EINTEGRITY', 'A package is not what package-lock.json says. Clear the copy of it: npm cache clean --force'],
  ['EUSAGE', 'package.json and package-lock.json do not belong together. Bring both back: git checkout package*.json'],
])

/** Runs `npm <args>` in the project, its own words on standard error. Throws a SetUpError with the cause and what to do. */
export async function runNpm(args) {
  const outcome = await run([...args, ...SETTINGS, ...(await cacheSettings())])
  if (outcome.error?.code === 'ENOENT') {
    throw new SetUpError('npm is not there (no `npm` on the PATH). Install it beside Node, and try again.')
  }
  if (outcome.error) throw new SetUpError(`npm cannot be run: ${outcome.error.message}`)
  const unwritten = outcome.said.match(/^npm (?:warn|WARN) tar TAR_ENTRY_ERROR (.*)$/m)?.[1]
  if (unwritten !== undefined) throw new SetUpError(`npm ${args[0]} could not write every file: ${unwritten}`)
  if (outcome.code === 0) return
  const code = outcome.said.match(/^npm (?:error|ERR!) code (\S+)$/m)?.[1] ?? null
  const how = outcome.signal ?? (code === null ? `exit code ${outcome.code}` : code)
  const cure = CURES.get(code) ?? `For more of them: npm ${args[0]} --loglevel=notice`
  throw new SetUpError(`npm ${args[0]} failed (${how}); its own words are above. ${cure}`)
}

/**
 * The npm that runs this, else the one on the PATH, on the Node that runs npm: the Node in node_modules is about to be replaced.
 * `file` is null where it is no script of Node's.
 */
async function findNpm() {
  const { npm_execpath: runs, npm_node_execpath: node } = process.env
  if (isNpm(runs)) return { node: node ?? process.execPath, file: runs }
  const onPath = await findOnPath('npm')
  return { node: process.execPath, file: isNpm(onPath) ? onPath : null }
}

const isNpm = (file) => file !== undefined && /\bnpm-cli\.[cm]?js$/.test(file)

/** Where its links end, or undefined. */
async function findOnPath(name) {
  for (const folder of (process.env.PATH ?? '').split(path.delimiter)) {
    const file = await realpath(path.join(folder, name)).catch(() => undefined)
    if (file !== undefined) return file
  }
}

/** It ends with this process: one that went on, or took back what it did, would do so in what the next one makes. */
async function run(args) {
  const { node, file } = await findNpm()
  return new Promise((resolve) => {
    const [command, first] = file === null ? ['npm', []] : [node, [...endAtOnceWithParent, file]]
    const npm = spawn(command, [...first, ...args], {
      cwd: projectDirectory,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // For a global or production install these are set, and would leave packages out.
      env: { ...process.env, NODE_ENV: '', npm_config_omit: '', npm_config_only: '', npm_config_production: '' },
    })
    let said = ''
    const tellOfAttempt = createAttemptTeller()
    for (const output of [npm.stdout, npm.stderr]) {
      createInterface(output).on('line', (line) => {
        if (line.startsWith('npm http ')) return tellOfAttempt(line)
        said += `${line}\n`
        if (!/^npm (warn|WARN|notice)/.test(line)) say(line)
      })
    }
    npm.once('error', (error) => resolve({ error, said }))
    npm.once('close', (code, signal) => resolve({ code, signal, said }))
  })
}

/** npm tries in silence for minutes before it fails. Takes its lines about what it fetches, and tells once for each code. */
function createAttemptTeller() {
  const told = new Set()
  return (line) => {
    const code = line.match(/ attempt \d+ failed with (\S+)$/)?.[1]
    if (code === undefined || told.has(code)) return
    told.add(code)
    say(`  npm does not reach its registry (${code}), and tries again for some minutes. ${CURES.get(code) ?? NETWORK}`)
  }
}

/** npm's own cache, where this user may write it: in a home that is not there or read-only, one beside the project's modules. */
async function cacheSettings() {
  const cache = npmCacheDirectory()
  try {
    await mkdir(cache, { recursive: true })
    await access(cache, constants.W_OK)
    return []
  } catch {
    return [`--cache=${ownCacheDirectory}`]
  }
}

/** Removed when the packages are installed. */
export const ownCacheDirectory = path.join(projectDirectory, '.npm-cache')

/** npm names it to the scripts that it runs. */
export function npmCacheDirectory() {
  return process.env.npm_config_cache || path.join(os.homedir(), '.npm')
}
