/** The runner's settings: the one place on its side that reads the environment. Errors come all at once. */
import { z } from 'zod'
import { SANDBOX_PATHS } from '../contract/tunnel.ts'

const absolutePath = z.string().startsWith('/', 'must be an absolute path')

const environment = z.object({
  /** The bridge's socket. */
  BERTH_RUNNER_SOCKET: absolutePath.default(SANDBOX_PATHS.runnerSocket),
  /** The clone; what relative paths are relative to. */
  BERTH_WORKSPACE: absolutePath.default(SANDBOX_PATHS.workspace),
  /** What the agent may search: whole command outputs. */
  BERTH_OUTPUT_DIRECTORY: absolutePath.default(SANDBOX_PATHS.outputs),
  /** Beside the workspace, the one other folder that tools may touch. */
  BERTH_TMP: absolutePath.default('/tmp'),
  /** Only who made a process namespace for the sandbox alone says yes: what a command leaves in it is ended, whosever it seems. */
  BERTH_ISOLATED: z.enum(['yes', 'no']).default('no'),
})

export interface RunnerConfig {
  socketPath: string
  workspace: string
  outputDirectory: string
  tmpDirectory: string
  isolated: boolean
  /** Handed on to commands, without the variables above. */
  commandEnvironment: Record<string, string | undefined>
}

/** Throws an Error that names every wrong variable. */
export function readRunnerConfig(source: Record<string, string | undefined> = process.env): RunnerConfig {
  const parsed = environment.safeParse(source)
  if (!parsed.success) throw new Error(`The runner's environment is wrong:\n${z.prettifyError(parsed.error)}`)
  return {
    socketPath: parsed.data.BERTH_RUNNER_SOCKET,
    workspace: parsed.data.BERTH_WORKSPACE,
    outputDirectory: parsed.data.BERTH_OUTPUT_DIRECTORY,
    tmpDirectory: parsed.data.BERTH_TMP,
    isolated: parsed.data.BERTH_ISOLATED === 'yes',
    commandEnvironment: source,
  }
}
