/** What the figures were measured on. */
import os from 'node:os'

export interface Machine {
  cpu: string
  cores: number
  memoryBytes: number
  kernel: string
  /** As the driver describes it. */
  engine: string
  node: string
  /** ISO 8601, UTC. */
  date: string
  /** Processes that wanted to run, over the last minute, before the bench began. */
  load: number
}

export function describeMachine(): Omit<Machine, 'engine'> {
  return {
    cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    kernel: os.release(),
    node: process.versions.node,
    date: new Date().toISOString(),
    load: os.loadavg()[0] ?? 0,
  }
}
