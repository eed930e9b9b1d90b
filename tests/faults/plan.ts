/** Which faults are played: kinds, how many of each, and at which moments of a run. */
import { createSeededRandom, type SeededRandom } from './seeded.ts'

/** What is killed with -9, or taken away. */
export const faultKinds = [
  'control plane',
  'bridge',
  'runner',
  'container killed',
  'container removed',
  'database',
  'engine',
] as const
export type FaultKind = (typeof faultKinds)[number]

/**
 * The stretches of a run: its start up to the first step, its steps, and the delivery of its work. `from` is the event that a
 * stretch begins with, null where it begins with the call that starts the run; the moments reach over its stored events and, by
 * the milliseconds, into what happens between two of them.
 */
export const stretches = {
  start: { from: null, lastEvent: 11, longestDelayMs: 250 },
  work: { from: 'run_started', lastEvent: 80, longestDelayMs: 60 },
  delivery: { from: 'done', lastEvent: 3, longestDelayMs: 120 },
} as const
export type Stretch = keyof typeof stretches

/** The steps are the longest of them. */
const drawnStretches: readonly Stretch[] = ['start', 'work', 'work', 'delivery']
/** What is brought back by a person or a service manager is away for up to so long. */
const LONGEST_ABSENCE_MS = 2_000

export interface Fault {
  kind: FaultKind
  /** Counted from 1 within its kind. */
  number: number
  /** The first run of an agent, or the one after it: in that there is something to go on from. */
  inRun: 1 | 2
  stretch: Stretch
  /** After so many stored events of the stretch. */
  afterEvents: number
  /** And so many milliseconds. */
  delayMs: number
  /** For what does not come back by itself. */
  awayMs: number
}

export interface FaultOptions {
  seed: number
  /** Of each kind. */
  rounds: number
  kinds: readonly FaultKind[]
}

/** `npm test` says whether the machine lets the tests start an engine of their own. */
export const playableKinds = faultKinds.filter((kind) => kind !== 'engine' || process.env.BERTH_TEST_OWN_ENGINE === '1')

/** Each kind draws for itself, so that its moments are the same whatever else is played, and however many. */
export function planFaults({ seed, rounds, kinds }: FaultOptions): Fault[] {
  return playableKinds
    .filter((kind) => kinds.includes(kind))
    .flatMap((kind) => {
      const random = createSeededRandom(`${seed} ${kind}`)
      const runs = createSeededRandom(`${seed} ${kind} run`)
      return Array.from({ length: rounds }, (_, index) =>
        drawFault(random, { kind, number: index + 1, inRun: runs.oneOf([1, 2]) }),
      )
    })
}

function drawFault(random: SeededRandom, of: Pick<Fault, 'kind' | 'number' | 'inRun'>): Fault {
  const stretch = random.oneOf(drawnStretches)
  const { lastEvent, longestDelayMs } = stretches[stretch]
  return {
    ...of,
    stretch,
    afterEvents: random.whole(0, lastEvent),
    delayMs: random.whole(0, longestDelayMs),
    awayMs: random.whole(0, LONGEST_ABSENCE_MS),
  }
}

export const describeFault = ({ kind, number, inRun, stretch, afterEvents, delayMs }: Fault) =>
  `${kind} ${number}: ${stretch} of run ${inRun}, ${delayMs} ms after its event ${afterEvents}`

/**
 * `FAULT_SEED`, `FAULT_ROUNDS` and `FAULT_KINDS` ("bridge, engine"); without them one of each kind. Throws words for what it
 * cannot read.
 */
export function readFaultOptions(env: Record<string, string | undefined>): FaultOptions {
  const number = (name: string) => {
    const given = env[name] ?? ''
    if (given === '') return 1
    if (/^\d{1,9}$/.test(given)) return Number(given)
    throw new Error(`${name}=${given}: must be a whole number of up to nine digits.`)
  }
  return { seed: number('FAULT_SEED'), rounds: number('FAULT_ROUNDS'), kinds: readKinds(env.FAULT_KINDS ?? '') }
}

function readKinds(given: string): readonly FaultKind[] {
  const names = given
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  if (names.length === 0) return faultKinds
  return names.map((name) => {
    const kind = faultKinds.find((known) => known === name)
    if (kind !== undefined) return kind
    throw new Error(`FAULT_KINDS=${given}: "${name}" is none of: ${faultKinds.join(', ')}.`)
  })
}
