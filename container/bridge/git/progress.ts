/** What git says on its way ("Receiving objects:  45% (123/456), 1.2 MiB | 3 MiB/s"), line by line and not too often. */
import type { Clock } from '../../../lib/clock.ts'

const PACE_MS = 250

export interface Progress {
  phase: string
  percent: number | null
  line: string
}

/** A feed for git's output. `onProgress` hears of a new phase and its end at once, of what lies between every 250 ms. */
export function createProgressFeed({
  clock,
  onProgress,
}: {
  clock: Clock
  onProgress: (progress: Progress) => void
}): (chunk: string) => void {
  let rest = ''
  let last: (Progress & { atMs: number }) | null = null
  return (chunk) => {
    const lines = (rest + chunk).split(/[\r\n]+/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const progress = parseProgress(line)
      if (!progress) continue
      const nowMs = clock.monotonicMs()
      const news = last?.phase !== progress.phase || (progress.percent === 100 && last.percent !== 100)
      if (!news && last && nowMs - last.atMs < PACE_MS) continue
      last = { ...progress, atMs: nowMs }
      onProgress(progress)
    }
  }
}

/** Null for a line that is not progress. */
export function parseProgress(line: string): Progress | null {
  const text = line.replace(/^remote: /, '').trim()
  const match = /^([A-Z][a-z]+ [a-z]+):\s+(?:(\d{1,3})% \(\d+\/\d+\)|(\d+))/.exec(text)
  if (!match?.[1]) return null
  return { phase: match[1], percent: match[2] === undefined ? null : Number(match[2]), line: text }
}
