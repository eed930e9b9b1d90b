/** Which process made a container of a build or a probe, so that what a killed one left is found, and no living one's is taken. */
import { readlinkSync } from 'node:fs'
import os from 'node:os'
import { isAlive } from './image/temporary-folder.ts'

/** The value of LABEL.builder for this process. */
export function ownBuilder(): string {
  return `${machine()}/${process.pid}`
}

/** True of a builder of this machine that has ended. One with this process's own number, from before, only when `orOwn` is set. */
export function isAbandonedBuilder(label: string | undefined, { orOwn = false } = {}): boolean {
  const [host, namespace, pid] = (label ?? '').split('/')
  if (`${host}/${namespace}` !== machine()) return false
  return Number(pid) === process.pid ? orOwn : !isAlive(Number(pid))
}

/** Containers of one host can have its name and still numbers of their own for processes. */
function machine(): string {
  return `${os.hostname()}/${readNamespace()}`
}

function readNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch (error) {
    // Where there are no namespaces to tell apart.
    if (error instanceof Error && 'code' in error) return 'pid'
    throw error
  }
}
