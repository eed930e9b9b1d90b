/** One way to break a set-up, and what its person must then be told. */
import type { DoctorRig } from '../doctor-rig.ts'

export interface Stage {
  rig: DoctorRig
  /** Done when the test is over, the last one first. */
  defer(undo: () => unknown): void
}

export type Environment = Record<string, string | undefined>

export interface Breakage {
  what: string
  /** Answers what changes in the environment; undefined takes a variable out. */
  break(stage: Stage): Promise<Environment> | Environment
  /** Which check must say so. */
  check: string
  severity: 'warning' | 'problem'
  found: RegExp
  advice: RegExp
}
