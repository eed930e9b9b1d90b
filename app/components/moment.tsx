/** A point in time: the clock in the log, relative in lists, exact under the pointer. */
'use client'

import { useNow } from '../client/use-now.ts'
import { formatAge, formatClock, formatExact, formatTimeOfDay } from '../model/format.ts'

export function LogTime({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formatExact(at)} suppressHydrationWarning>
      {formatTimeOfDay(at)}
    </time>
  )
}

export function Age({ at }: { at: string }) {
  const now = useNow()
  return (
    <time className="age" dateTime={at} title={formatExact(at)} suppressHydrationWarning>
      {now === null ? '' : formatAge(at, now)}
    </time>
  )
}

/** Ticks from `since`. */
export function Clock({ since }: { since: string }) {
  const now = useNow()
  return <span>{now === null ? '' : formatClock(now - Date.parse(since))}</span>
}
