/** What sandboxes are made of: as this installation chose at its first start, and as the settings ask for. */
import { agreeOnDriver, type BuiltDriver } from '../../../lib/composition/open-driver.ts'
import { StartRefused } from '../../../lib/composition/start-refused.ts'
import type { EngineStatus } from '../../../lib/drivers/sandbox/port.ts'
import { type Finding, problem, warning } from '../finding.ts'

export interface DriverFacts {
  /** As the database has it; null: it has not been chosen, or cannot be asked. */
  stored: string | null
  /** BERTH_SANDBOX. */
  asked: BuiltDriver | null
  dataDirectory: string
  /** Whether this machine can hold sandboxes that are its processes; null where they are not. */
  machine: EngineStatus | null
}

/** What a start would use. One that this version does not have is a finding, and looked at as Docker. */
export function kindOfDriver({ stored, asked }: Pick<DriverFacts, 'stored' | 'asked'>): BuiltDriver {
  return (asked ?? stored) === 'process' ? 'process' : 'docker'
}

/** Nothing to say of Docker: the engine has a check of its own. */
export function judgeDriver({ stored, asked, dataDirectory, machine }: DriverFacts): Finding[] {
  return [
    ...(stored === null ? [] : judgeAgreement({ stored, asked, dataDirectory })),
    ...(machine === null ? [] : judgeMachine(machine)),
  ]
}

function judgeAgreement(input: Parameters<typeof agreeOnDriver>[0]): Finding[] {
  try {
    agreeOnDriver(input)
    return []
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error
    // It says what is there, and then what to do.
    const [found = error.message, ...advice] = error.message.split(/(?<=\.) /)
    return [problem(found, advice.join(' '), 'this installation has another kind of sandbox than is asked for')]
  }
}

function judgeMachine({ reachable, description }: EngineStatus): Finding[] {
  if (!reachable) {
    return [
      problem(
        description,
        'sudo apt-get install bash git; or start Docker and leave BERTH_SANDBOX out.',
        'no sandbox can be made',
      ),
    ]
  }
  return [
    warning(
      `${description}: agents run with this user's rights, and nothing holds them in`,
      'For more than a look at repositories you trust: start Docker, leave BERTH_SANDBOX out, and name another folder in BERTH_DATA_DIR.',
    ),
  ]
}
