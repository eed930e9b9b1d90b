/** The default egress list: asked from this machine's package managers, written down nowhere. */
import { execFile } from 'node:child_process'
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

/** Host names, sorted, each once. A package manager that is not there, or does not say, adds none. */
export async function askRegistryHosts(from: {
  env: Record<string, string>
  cwd: string
  logger: Logger
}): Promise<string[]> {
  const answers = await Promise.all(
    QUESTIONS.map(async ([program, args]) => {
      try {
        const options = { env: from.env as NodeJS.ProcessEnv, cwd: from.cwd, timeout: TIMEOUT_MS }
        const { stdout } = await promisify(execFile)(program, args, options)
        const lines = stdout.split(/[\n,|]/).filter((line) => !['direct', 'off', 'undefined'].includes(line.trim()))
        return readHosts(lines)
      } catch (error) {
        from.logger.debug('a package manager did not say what it uses', { program, error })
        return []
      }
    }),
  )
  return [...new Set(answers.flat())].sort()
}
