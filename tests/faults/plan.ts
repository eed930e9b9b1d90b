/** Which faults are played: kinds, how many of each, and at which moments of a run. */
import { createSeededRandom } from './seeded.ts'

/** What is killed with -9, or taken away. */
export const faultKinds = [
  'control plane',
  'bridge',
  'runner',
  'container, killed',
  'container, removed',
  'database',
  'engine',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  kind: FaultKind
  /** Counted from 1 within its kind. */
  number: number
  /** After so many stored events of the run. */
  afterEvents: number
  /** And so many milliseconds. */
  delayMs: number
}

/** The run has a few more: the moment always comes. */
export const LAST_MOMENT = 45
const LONGEST_DELAY_MS = 60

/** Only root can start an engine of its own. */
export const playedKinds = faultKinds.filter((kind) => kind !== 'engine' || process.getuid?.() === 0)

export function planFaults(options: { seed: number; rounds: number }): Fault[] {
  const random = createSeededRandom(options.seed)
  return playedKinds.flatMap((kind) =>
    Array.from({ length: options.rounds }, (_, index) => ({
      kind,
      number: index + 1,
      afterEvents: random.whole(1, LAST_MOMENT),
      delayMs: random.whole(0, LONGEST_DELAY_MS),
    })),
  )
}

export const describeFault = ({ kind, number, afterEvents, delayMs }: Fault) =>
  `${kind} ${number}: ${delayMs} ms after event ${afterEvents} of the run`

/** `FAULT_SEED` and `FAULT_ROUNDS`; without them one of each kind. Throws words for anything but a number. */
export function readFaultOptions(env: Record<string, string | undefined>): { seed: number; rounds: number } {
  const number = (name: string, fallback: number) => {
    const given = env[name]
    if (given === undefined || given === '') return fallback
    if (/^\d{1,9}$/.test(given)) return Number(given)
    throw new Error(`${name}=${given}: must be a whole number of up to nine digits.`)
  }
  return { seed: number('FAULT_SEED', 1), rounds: number('FAULT_ROUNDS', 1) }
}
