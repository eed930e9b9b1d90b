/** Whether this machine can hold sandboxes that are its own processes, in words for a person. */
import { access, constants } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { hasProcessTable } from '../../../process-table.ts'
import type { EngineStatus } from '../port.ts'

/** Of the machine's own programs those that nothing goes without. */
const NEEDED = ['bash', 'git']

export async function probeMachine(searchPath: string): Promise<EngineStatus> {
  if (!hasProcessTable()) {
    return {
      reachable: false,
      description: 'Sandboxes that are processes need Linux with /proc. Use Docker: leave BERTH_SANDBOX out.',
      version: null,
    }
  }
  const version = os.release()
  const missing: string[] = []
  for (const program of NEEDED) if (!(await isOnPath(program, searchPath))) missing.push(program)
  if (missing.length > 0) {
    return {
      reachable: false,
      description: `Sandboxes that are processes need ${missing.join(' and ')} on this machine: install ${missing.length > 1 ? 'them' : 'it'}.`,
      version,
    }
  }
  const uid = process.getuid?.()
  const user = uid === 0 ? 'root' : `user ${uid}`
  return {
    reachable: true,
    description: `Processes of this machine as ${user}, not isolated (Linux ${version})`,
    version,
  }
}

async function isOnPath(program: string, searchPath: string): Promise<boolean> {
  for (const folder of searchPath.split(':')) {
    try {
      await access(path.join(folder, program), constants.X_OK)
      return true
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error
    }
  }
  return false
}
