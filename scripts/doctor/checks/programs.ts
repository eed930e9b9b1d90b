/** Node, npm and git: what runs npm, what runs Berth. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { environmentWith } from '../../../lib/config.ts'
import { type Finding, ok, warning } from '../finding.ts'

const OLDEST_NODE = 20
const OLDEST_NPM = 9
const OLDEST_GIT = [2, 39]
const TIMEOUT_MS = 5_000

export interface NodeFacts {
  /** The version that npm runs on, e.g. "20.18.0"; null where npm did not start this. */
  ofNpm: string | null
  /** The version that Berth runs on, e.g. "24.21.0". */
  own: string
  /** From node_modules, not this machine's. */
  isBrought: boolean
  platform: string
}

export function readNode(userAgent: string | null): NodeFacts {
  return {
    ofNpm: /\bnode\/v(\S+)/.exec(userAgent ?? '')?.[1] ?? null,
    own: process.versions.node,
    isBrought: process.execPath.includes('/node_modules/node-'),
    platform: process.platform,
  }
}

export function judgeNode({ ofNpm, own, isBrought, platform }: NodeFacts): Finding[] {
  const whose = isBrought ? "the project's own" : "this machine's"
  const said = `${own} runs Berth (${whose})${ofNpm === null ? '' : `, ${ofNpm} runs npm`}`
  if (ofNpm !== null && majorOf(ofNpm) < OLDEST_NODE) {
    return [
      warning(said, `npm should run on Node ${OLDEST_NODE} or later: install it from https://nodejs.org/en/download`),
    ]
  }
  if (platform !== 'linux') {
    return [
      warning(`${said}, on ${platform}`, 'Berth is made for Linux and tried on nothing else: use a Linux machine.'),
    ]
  }
  return [ok(said)]
}

/** The version of the npm that runs this, else of the one that is found; null: there is none. */
export async function readNpm(userAgent: string | null, searchPath: string): Promise<string | null> {
  const said = /^npm\/(\S+)/.exec(userAgent ?? '')?.[1]
  return said ?? (await readVersion('npm', searchPath))
}

export function judgeNpm(version: string | null): Finding[] {
  const advice = 'Install Node 20 or later, which brings npm: https://nodejs.org/en/download'
  if (version === null) return [warning('not found', advice)]
  return majorOf(version) < OLDEST_NPM ? [warning(`${version} is older than ${OLDEST_NPM}`, advice)] : [ok(version)]
}

export async function readGit(searchPath: string): Promise<string | null> {
  return await readVersion('git', searchPath)
}

/** Not needed for the main job: Berth speaks git itself, and a sandbox has its own. */
export function judgeGit(version: string | null): Finding[] {
  const advice = 'Install git 2.39 or later: sudo apt-get install git. Updates of Berth and npm run demo need it.'
  if (version === null) return [warning('not found', advice)]
  return isOlder(version, OLDEST_GIT)
    ? [warning(`${version} is older than ${OLDEST_GIT.join('.')}`, advice)]
    : [ok(version)]
}

/** The first number in what `<program> --version` prints. */
async function readVersion(program: string, searchPath: string): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], {
      timeout: TIMEOUT_MS,
      env: environmentWith({ PATH: searchPath }),
    })
    return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? null
  } catch {
    // Not there, not to be run, or silent: for us there is none.
    return null
  }
}

const majorOf = (version: string) => Number.parseInt(version, 10)

/** Compares as many parts as `oldest` has; what has no numbers is not older. */
export function isOlder(version: string, oldest: readonly number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10))
  for (const [index, wanted] of oldest.entries()) {
    const part = parts[index] ?? 0
    if (Number.isNaN(part) || part > wanted) return false
    if (part < wanted) return true
  }
  return false
}
