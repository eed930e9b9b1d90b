/** Installs the dependencies when they are not those of package-lock.json. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describeDuration, projectDirectory, SetUpError, say } from './project.mjs'

const modules = path.join(projectDirectory, 'node_modules')
/** Inside node_modules, so that it goes with what it vouches for. */
const stampFile = path.join(modules, '.berth', 'installed')
const PROGRESS_EVERY_MS = 5_000

/** Makes node_modules what package-lock.json says, with npm ci. Says what it does on standard error, nothing when there is nothing to do. */
export async function ensureInstalled() {
  const lockFile = await readFile(path.join(projectDirectory, 'package-lock.json'), 'utf8')
  const stamp = createHash('sha256').update(lockFile).digest('hex')
  if ((await readIfThere(stampFile)) === stamp) return
  if (!(await isInstalledByHand(JSON.parse(lockFile)))) await install()
  await mkdir(path.dirname(stampFile), { recursive: true })
  await writeFile(stampFile, stamp)
}

/** True when npm's own record in node_modules names every package of the lock file in its version. */
async function isInstalledByHand(lock) {
  const record = await readIfThere(path.join(modules, '.package-lock.json'))
  if (record === null) return false
  const installed = JSON.parse(record).packages
  return Object.entries(lock.packages).every(
    ([where, { version, optional }]) =>
      where === '' || installed[where]?.version === version || (optional && !installed[where]),
  )
}

async function install() {
  const began = performance.now()
  say('Installing the dependencies (once, about a minute)')
  const timer = setInterval(async () => {
    say(`  ${await countPackages()} packages, ${describeDuration(performance.now() - began)}`)
  }, PROGRESS_EVERY_MS)
  try {
    await runNpm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'])
  } finally {
    clearInterval(timer)
  }
  say(`  installed in ${describeDuration(performance.now() - began)}`)
}

async function countPackages() {
  let count = 0
  for (const name of await namesIn(modules)) {
    if (name.startsWith('.')) continue
    count += name.startsWith('@') ? (await namesIn(path.join(modules, name))).length : 1
  }
  return count
}

/** With the npm that runs this, on the Node that runs npm: the one in node_modules is about to be replaced. */
function runNpm(args) {
  const { npm_execpath: npmFile, npm_node_execpath: npmNode } = process.env
  const isNpm = npmFile !== undefined && /\bnpm-cli\.[cm]?js$/.test(npmFile)
  const [command, first] = isNpm ? [npmNode ?? process.execPath, [npmFile]] : ['npm', []]
  return new Promise((resolve, reject) => {
    const npm = spawn(command, [...first, ...args], {
      cwd: projectDirectory,
      stdio: ['ignore', process.stderr, process.stderr],
      // For a global or production install these are set, and would leave packages out.
      env: { ...process.env, NODE_ENV: '', npm_config_omit: '', npm_config_global: '' },
    })
    npm.once('error', (cause) => reject(new SetUpError(`npm cannot be run (${command}): ${cause.message}`)))
    npm.once('exit', (code, signal) => {
      if (code === 0) return resolve()
      const how = signal === null ? `exit code ${code}` : signal
      reject(
        new SetUpError(`npm ci failed (${how}); its own words are above. Try again with: npm ci --loglevel=notice`),
      )
    })
  })
}

async function readIfThere(file) {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

async function namesIn(directory) {
  try {
    return await readdir(directory)
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}
