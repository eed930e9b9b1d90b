/** docker-compose.yml under a project of its own, driven by whichever Compose there is. Removes what it made. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { projectDirectory } from '../../scripts/project-directory.ts'

const COMMANDS = [['docker', 'compose'], ['docker-compose']]
const OUTPUT_BYTES = 1 << 26

export interface Answer {
  exitCode: number
  stdout: string
  stderr: string
}

export interface Services {
  /** e.g. "Docker Compose version v2.40.3". */
  version: string
  /** Runs the command and throws what it said when it fails. */
  run(...args: string[]): Promise<Answer>
  /** As `run`, with another .env, and without throwing. */
  tryWith(env: Record<string, string>, ...args: string[]): Promise<Answer>
  /** The container's id of a service, running or not. */
  containerOf(service: string): Promise<string>
  /** The docker command itself. */
  docker(...args: string[]): Promise<string>
  /** With the volumes and the images that were built. */
  remove(): Promise<void>
}

/** `env`: the lines of .env. `command`: e.g. ["docker-compose"]; default: what is there. */
export async function openServices(env: Record<string, string>, command: string[] = []): Promise<Services> {
  const [program = '', ...before] = command.length > 0 ? command : await findCommand()
  const folder = await mkdtemp(path.join(os.tmpdir(), 'berth-compose-'))
  const project = path.basename(folder).toLowerCase()
  const file = path.join(projectDirectory, 'docker-compose.yml')
  const tryWith = async (given: Record<string, string>, ...args: string[]) => {
    const envFile = path.join(folder, 'env')
    await writeFile(
      envFile,
      Object.entries(given)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    )
    return call(program, [...before, '--file', file, '--project-name', project, '--env-file', envFile, ...args])
  }
  const run = async (...args: string[]) => succeeded(`compose ${args.join(' ')}`, await tryWith(env, ...args))
  const docker = async (...args: string[]) =>
    succeeded(`docker ${args.join(' ')}`, await call('docker', args)).stdout.trim()
  return {
    version: (await call(program, [...before, 'version'])).stdout.split('\n')[0] ?? '',
    run,
    tryWith,
    docker,
    containerOf: async (service) => {
      const labels = [`com.docker.compose.project=${project}`, `com.docker.compose.service=${service}`]
      return docker('ps', '--all', '--quiet', ...labels.flatMap((label) => ['--filter', `label=${label}`]))
    },
    async remove() {
      await tryWith(env, 'down', '--volumes', '--rmi', 'local', '--timeout', '20')
      await rm(folder, { recursive: true })
    },
  }
}

async function findCommand(): Promise<string[]> {
  for (const [program = '', ...args] of COMMANDS) {
    if ((await call(program, [...args, 'version'])).exitCode === 0) return [program, ...args]
  }
  throw new Error('There is neither `docker compose` nor `docker-compose` here.')
}

/** Nothing of this process's environment changes what the file says. */
async function call(program: string, args: string[]): Promise<Answer> {
  const { PATH, HOME, DOCKER_HOST } = process.env
  const env = { PATH, HOME, NODE_ENV: 'test' as const, ...(DOCKER_HOST === undefined ? {} : { DOCKER_HOST }) }
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, { env, maxBuffer: OUTPUT_BYTES })
    return { exitCode: 0, stdout, stderr }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error
    const { code, stdout, stderr } = error as Error & { code: unknown; stdout?: string; stderr?: string }
    return { exitCode: typeof code === 'number' ? code : 127, stdout: stdout ?? '', stderr: stderr ?? error.message }
  }
}

function succeeded(what: string, answer: Answer): Answer {
  if (answer.exitCode === 0) return answer
  throw new Error(`${what} ended with ${answer.exitCode}:\n${answer.stdout}\n${answer.stderr}`)
}
