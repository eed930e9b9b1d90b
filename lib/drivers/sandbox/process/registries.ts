/** The default egress list: asked from this machine's package managers, written down nowhere. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from '../../../logger.ts'
import { readHosts } from '../registry-hosts.ts'

const TIMEOUT_MS = 10_000

/** A pip that is not installed by itself still comes with each virtual environment. */
const ASK_PIP = `
try:
    from pip._internal.models.index import PyPI
except ImportError:
    import ensurepip, glob, os, sys
    wheels = getattr(ensurepip, '_WHEEL_PKG_DIR', None) or os.path.join(os.path.dirname(ensurepip.__file__), '_bundled')
    sys.path[:0] = glob.glob(os.path.join(wheels, 'pip-*.whl'))
    from pip._internal.models.index import PyPI
print(PyPI.simple_url)
print(PyPI.file_storage_domain)
`

const QUESTIONS: [program: string, args: string[]][] = [
  ['npm', ['config', 'get', 'registry']],
  ['python3', ['-c', ASK_PIP]],
  ['go', ['env', 'GOPROXY']],
]

/**
 * Host names, sorted, each once. A package manager that is not there, or does not say, adds none. They are asked as an agent
 * will find them: without the settings in this user's home.
 */
export async function askRegistryHosts(machine: Record<string, string>, logger: Logger): Promise<string[]> {
  const home = await mkdtemp(path.join(os.tmpdir(), 'berth-registries-'))
  try {
    return await askIn(home, machine, logger)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

async function askIn(home: string, machine: Record<string, string>, logger: Logger): Promise<string[]> {
  const options = { env: { ...machine, HOME: home } as unknown as NodeJS.ProcessEnv, cwd: home, timeout: TIMEOUT_MS }
  const answers = await Promise.all(
    QUESTIONS.map(async ([program, args]) => {
      try {
        const { stdout } = await promisify(execFile)(program, args, options)
        const lines = stdout.split(/[\n,|]/).filter((line) => !['direct', 'off', 'undefined'].includes(line.trim()))
        return readHosts(lines)
      } catch (error) {
        logger.debug('a package manager did not say what it uses', { program, error })
        return []
      }
    }),
  )
  return [...new Set(answers.flat())].sort()
}
