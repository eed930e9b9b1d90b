/**
 * The Workspace port on real files, real processes: what the runner serves, and what tests use in process. Must not know
 * the wire, nor which tool asks.
 */
import path from 'node:path'
import type { Clock } from '../../../lib/clock.ts'
import { systemClock } from '../../../lib/clock.ts'
import { randomText } from '../../../lib/ids.ts'
import { type CommandRequest, type Workspace, WorkspaceError } from '../../bridge/workspace-port.ts'
import type { CommandProcess } from './adopted-processes.ts'
import { createCommandEnvironment, type Environment } from './command-environment.ts'
import { createWorkspaceFiles } from './files.ts'
import { createOutputFiles } from './output-files.ts'
import { markPrefix } from './process-family.ts'
import { createPathResolver } from './resolve-path.ts'
import { runCommand } from './run-command.ts'
import { suggestPaths } from './suggest-paths.ts'

export interface LocalWorkspaceOptions {
  /** Absolute. What relative paths are relative to. */
  root: string
  /** Absolute. Other folders in which paths may lie; `outputDirectory` is one by itself. */
  extraRoots: string[]
  /** Absolute. Whole command outputs are kept in a folder `outputs` of it. */
  outputDirectory: string
  /** Variables of a command, asked for each one, before ours are taken out and the quiet ones put in. */
  env(): Environment
  /** The process namespace is the sandbox's own, so that whatever a command leaves in it can be ended. Default: false. */
  isolated?: boolean
  clock?: Clock
}

export async function createLocalWorkspace(options: LocalWorkspaceOptions): Promise<Workspace> {
  const { clock = systemClock, env, root, isolated = false } = options
  const paths = await createPathResolver({ root, extraRoots: [...options.extraRoots, options.outputDirectory] })
  const files = createWorkspaceFiles(paths)
  const outputs = createOutputFiles({ directory: path.join(options.outputDirectory, 'outputs') })
  const prefix = markPrefix()
  const running = new Set<CommandProcess>()

  return {
    ...files,
    async suggest(wanted, limit) {
      const absolute = path.resolve(root, wanted)
      return suggestPaths(root, path.relative(root, absolute), limit)
    },
    async run(request, { signal, onOutput } = {}) {
      const cwd = await resolveFolder(request)
      const mark = `${prefix}.${randomText(16)}`
      const environment = createCommandEnvironment({ base: env(), added: request.env ?? {}, mark })
      return runCommand({ request, cwd, environment, mark, running, isolated, outputs, clock, signal, onOutput })
    },
  }

  async function resolveFolder(request: CommandRequest): Promise<string> {
    const at = await paths.resolve(request.cwd ?? '.')
    const stat = await files.stat(at.real)
    if (stat?.kind === 'directory') return at.real
    if (stat === null) throw new WorkspaceError('not_found', `The working directory ${at.shown} does not exist.`)
    throw new WorkspaceError('not_a_directory', `The working directory ${at.shown} is not a directory.`)
  }
}
