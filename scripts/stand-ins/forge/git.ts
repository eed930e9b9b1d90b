/**
 * git as the stand-in and the demo use it: the installed one, with an environment of its own, so that nobody's global
 * configuration (signing, hooks, templates) changes what it does. Must not know repositories or HTTP.
 */
import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const AUTHOR = { name: 'Sample Author', email: 'author@example.com', date: '2026-01-05T10:00:00Z' }

let execPath: Promise<string> | undefined

/** Where git's own programs lie (`git --exec-path`). Throws an Error that says how to install git when there is none. */
export function gitExecPath(): Promise<string> {
  execPath ??= promisify(execFile)('git', ['--exec-path']).then(
    ({ stdout }) => stdout.trim(),
    (cause) => {
      throw new Error('git could not be run. Install git and see that it is on the PATH.', { cause })
    },
  )
  return execPath
}

/** The whole environment of a git process: no home, no global configuration, fixed author and dates. */
export async function gitEnvironment(): Promise<NodeJS.ProcessEnv> {
  const environment: Record<string, string> = {
    PATH: `${await gitExecPath()}:/usr/local/bin:/usr/bin:/bin`,
    HOME: '/nonexistent',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_AUTHOR_NAME: AUTHOR.name,
    GIT_AUTHOR_EMAIL: AUTHOR.email,
    GIT_AUTHOR_DATE: AUTHOR.date,
    GIT_COMMITTER_NAME: AUTHOR.name,
    GIT_COMMITTER_EMAIL: AUTHOR.email,
    GIT_COMMITTER_DATE: AUTHOR.date,
    // Repositories given by their path may belong to another user.
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
  }
  // Next's types demand a NODE_ENV of every environment.
  return environment as NodeJS.ProcessEnv
}

export interface GitOptions {
  cwd?: string
  /** Exit statuses that are answers, not failures (`git show-ref` exits 1 for "no such ref"). */
  accept?: number[]
}

/** Runs git and answers its standard output, as UTF-8. Throws an Error with the command and what git said. */
export async function runGit(args: string[], options: GitOptions = {}): Promise<string> {
  const env = await gitEnvironment()
  return new Promise((resolve, reject) => {
    const child = spawn('git', args, { cwd: options.cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.on('error', (cause) => reject(new Error(`git ${args[0]} could not be run`, { cause })))
    child.on('close', (code) => {
      const output = Buffer.concat(stdout).toString('utf8')
      if (code === 0 || (code !== null && options.accept?.includes(code))) return resolve(output)
      const said = Buffer.concat(stderr).toString('utf8').trim()
      reject(new Error(`git ${args.join(' ')} exited with ${code}: ${said}`))
    })
  })
}
