/** Whether the database is this installation's: where it lies, and which secret key it is used with. Makes no key. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readIdentity, refuseAnother, wasMoved } from '../../../lib/composition/identity.ts'
import { StartRefused } from '../../../lib/composition/start-refused.ts'
import type { Settings } from '../../../lib/config.ts'
import type { InstallationIdentity } from '../../../lib/store/stores.ts'
import { type Finding, problem } from '../finding.ts'
import type { DatabaseFacts } from './database.ts'

export interface InstallationFacts {
  /** Null: nothing is kept yet, or it cannot be asked. */
  kept: InstallationIdentity | null
  /** Null: there is no secret key yet. */
  own: InstallationIdentity | null
  dataDirectory: string
}

export async function readInstallation(
  settings: Pick<Settings, 'databaseUrl' | 'dataDirectory' | 'secretKey'>,
  { answer }: DatabaseFacts,
): Promise<InstallationFacts> {
  const { dataDirectory } = settings
  const state = answer !== null && 'state' in answer ? answer.state : null
  const secretKey = settings.secretKey ?? (await readKey(dataDirectory))
  if (state === null || secretKey === null) return { kept: null, own: null, dataDirectory }
  const own = await readIdentity({ ...settings, secretKey }, { readServer: async () => state.server })
  return { kept: state.identity, own, dataDirectory }
}

/** Nothing to say of an installation that is itself. */
export function judgeInstallation({ kept, own, dataDirectory }: InstallationFacts): Finding[] {
  if (kept === null || own === null) return []
  try {
    refuseAnother({ kept: wasMoved(kept, own) ? { ...kept, place: own.place } : kept, own, dataDirectory })
    return []
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error
    // It says what is there, and then what to do.
    const [found = error.message, ...advice] = error.message.split(/(?<=\.) /)
    return [problem(found, advice.join(' '), 'the database is another installation’s, as far as can be seen')]
  }
}

async function readKey(dataDirectory: string): Promise<string | null> {
  try {
    return (await readFile(path.join(dataDirectory, 'secrets', 'secret-key'), 'utf8')).trim()
  } catch (error) {
    // What else is wrong with the folder has a check of its own.
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}
