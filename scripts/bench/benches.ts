/** Every bench there is, in the order in which they run. */
import type { Rig } from './bench-agent.ts'
import { benchCancel } from './benches/cancel.ts'
import { benchEvents } from './benches/events.ts'
import { benchHealth } from './benches/health.ts'
import { benchResume } from './benches/resume.ts'
import { benchImage, benchMemory } from './benches/size.ts'
import { benchSleepers } from './benches/sleepers.ts'
import { benchStart } from './benches/start.ts'
import { benchSteps } from './benches/steps.ts'
import { benchTogether } from './benches/together.ts'
import { benchWake } from './benches/wake.ts'
import type { Measurement } from './measurement.ts'

export interface Bench {
  name: string
  /** How often it is repeated where nobody says. */
  repeat: number
  run(rig: Rig, repeat: number): Promise<Measurement[]>
}

export const benches: readonly Bench[] = [
  { name: 'health', repeat: 10, run: benchHealth },
  { name: 'start', repeat: 20, run: benchStart },
  { name: 'resume', repeat: 50, run: benchResume },
  { name: 'wake', repeat: 20, run: benchWake },
  { name: 'steps', repeat: 3, run: benchSteps },
  { name: 'cancel', repeat: 50, run: benchCancel },
  { name: 'together', repeat: 3, run: benchTogether },
  { name: 'events', repeat: 5, run: benchEvents },
  { name: 'memory', repeat: 3, run: benchMemory },
  { name: 'sleepers', repeat: 5, run: benchSleepers },
  { name: 'image', repeat: 1, run: benchImage },
]
