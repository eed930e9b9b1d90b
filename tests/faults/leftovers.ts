/** What this machine shows of an agent or a control plane: processes and listening ports. Linux; elsewhere nothing is found. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { readEnvironment, readProcessTable } from '../../lib/process-table.ts'

/** "pid" of each process of the agent's sandboxes, as far as this user may look. */
export function findProcessesOf(agentId: string): number[] {
  const mark = `BERTH_AGENT_ID=${agentId}`
  return readProcessTable()
    .map(({ pid }) => pid)
    .filter((pid) => readEnvironment(pid)?.includes(mark))
}

const LISTENING = '0A'

/** TCP ports on which a process listens. */
export function listListeningPorts(pid: number): number[] {
  const sockets = new Set(readdirSync(`/proc/${pid}/fd`).map((descriptor) => readLink(`/proc/${pid}/fd/${descriptor}`)))
  return ['tcp', 'tcp6']
    .flatMap((table) => readFileSync(`/proc/${pid}/net/${table}`, 'utf8').split('\n'))
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[3] === LISTENING && sockets.has(`socket:[${columns[9]}]`))
    .map((columns) => Number.parseInt(columns[1]?.split(':').at(-1) ?? '', 16))
}

/** Descriptors close while they are looked at. */
function readLink(file: string): string | null {
  try {
    return readlinkSync(file)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
