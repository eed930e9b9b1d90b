/** What an agent or a control plane leaves around: containers, volumes, leases, and on Linux processes and listening ports. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { expect } from 'vitest'
import { readEnvironment, readProcessTable } from '../../lib/process-table.ts'
import type { FaultKind } from './plan.ts'
import type { FaultWorld } from './world.ts'

/** Of the agent's sandboxes, as far as this user may look. */
function findProcessesOf(agentId: string): number[] {
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

/** In the sandbox: its init, one bridge, one runner, and the command that looks. */
export async function expectNoStrayProcess(world: FaultWorld, agentId: string): Promise<void> {
  const looking = 'for each in /proc/[0-9]*; do tr "\\0" " " < "$each/cmdline"; echo; done'
  const { output } = await world.engine.sh(agentId, looking, { directory: '/' })
  const names = ['docker-init', 'bridge.cjs', 'runner.cjs']
  const programs = output.split('\n').filter((line) => line.trim() !== '' && !/^(bash|tr) /.test(line))
  expect(programs.map((line) => names.find((name) => line.includes(name)) ?? line).toSorted()).toEqual(names.toSorted())
}

/** After a purge. */
export async function expectNothingLeft(
  world: FaultWorld,
  { agentId, kind }: { agentId: string; kind: FaultKind },
): Promise<void> {
  expect(await world.engine.containers(agentId)).toEqual([])
  expect(await world.engine.volumes(agentId)).toEqual([])
  // An engine that was killed while it started a container may forget that: nobody can have it ended.
  if (kind !== 'engine') expect(findProcessesOf(agentId)).toEqual([])
  const rows = await world.query('SELECT "owner" FROM "Lease" WHERE "agentId" = $1', [agentId])
  expect(rows).toEqual([])
}
