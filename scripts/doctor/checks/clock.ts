/** This machine's clock against the Date of an answer that another check got. */
import { type Finding, ok, warning } from '../finding.ts'

export interface ClockFacts {
  /** Whose clock it is held against, e.g. "api.github.com". */
  host: string
  theirs: Date
  ours: Date
}

const MOST_MS = 60_000

export function judgeClock({ host, theirs, ours }: ClockFacts): Finding[] {
  const aheadMs = ours.getTime() - theirs.getTime()
  if (Math.abs(aheadMs) <= MOST_MS) return [ok(`agrees with ${host}`)]
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return [
    warning(
      `is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${host}: certificates, tokens and times in the log will seem wrong`,
      'Set it: sudo timedatectl set-ntp true; in a virtual machine, let it take the time of its host.',
    ),
  ]
}
