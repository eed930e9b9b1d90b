/**
 * What a demo's sandbox will be, decided before anything is started: a container; or a process of this machine, where the
 * person says so, or where there is no engine and what would run is Berth's own sample.
 */
import { openDriver } from '../../lib/composition/open-driver.ts'
import { StartRefused } from '../../lib/composition/start-refused.ts'
import type { Settings } from '../../lib/config.ts'
import type { EngineStatus } from '../../lib/drivers/sandbox/port.ts'
import { silentLogger } from '../../lib/logger.ts'
import { projectDirectory } from '../project-directory.ts'
import type { DemoArguments } from './arguments.ts'

export type SandboxChoice =
  | { driver: 'docker' }
  | {
      driver: 'process'
      /** Why there is no engine, in words for a person; null: processes were asked for. */
      withoutEngine: string | null
    }

/** Throws StartRefused where only a container would do and there is none. */
export async function chooseSandbox(settings: Settings, args: DemoArguments): Promise<SandboxChoice> {
  if (settings.sandbox === 'process') return { driver: 'process', withoutEngine: null }
  return decide({ asked: settings.sandbox, isSample: isSample(args), engine: await probeDocker(settings) })
}

export function isSample({ repository, caseFile, task }: DemoArguments): boolean {
  return repository === null && caseFile === null && task === null
}

/** Pure. `asked`: BERTH_SANDBOX=docker. */
export function decide(input: {
  asked: 'docker' | null
  isSample: boolean
  engine: Pick<EngineStatus, 'reachable' | 'description'>
}): SandboxChoice {
  const { asked, isSample, engine } = input
  if (engine.reachable) return { driver: 'docker' }
  if (asked === null && isSample) return { driver: 'process', withoutEngine: engine.description }
  throw new StartRefused(
    asked === 'docker'
      ? `${engine.description} BERTH_SANDBOX=docker asks for it; without that setting the demo's own sample runs without an engine.`
      : `${engine.description} Only the demo's own sample runs without an engine. For a repository or a task of yours start one; ` +
          'or let its commands run as ordinary processes of this machine, as you and not isolated, by saying so: BERTH_SANDBOX=process npm run demo -- ...',
  )
}

async function probeDocker(settings: Settings): Promise<EngineStatus> {
  const driver = openDriver({ kind: 'docker', settings, project: projectDirectory, logger: silentLogger })
  try {
    return await driver.probe()
  } finally {
    await driver.close()
  }
}
