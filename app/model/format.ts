/**
 * Figures as the pages write them: money, durations, ages, sizes, counts and clock times.
 * Owns: units and rounding. Must not know: React, the API, what the figures mean.
 */

const MINUS = '\u2212'

/** `$1.84`; below a cent but not zero: `<$0.01`. */
export function formatCost(usd: number): string {
  if (usd > 0 && usd < 0.005) return '<$0.01'
  return `$${usd.toFixed(2)}`
}

/** A price per million tokens: `$3`, `$0.25`, `$1.75`. */
export function formatPrice(usd: number): string {
  return Number.isInteger(usd) ? `$${usd}` : `$${usd.toFixed(2)}`
}

/** `0.2 s`, `48 s`, `4m 12s`, `2h 05m`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return `${minutes}m ${pad(whole % 60)}s`
  return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`
}

/** A running clock: whole seconds, so that it ticks evenly. `0m 48s`, `1h 05m`. */
export function formatClock(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(whole / 60)
  return minutes < 60 ? `${minutes}m ${pad(whole % 60)}s` : `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`
}

/** A limit in the largest unit that is whole: `30m`, `2h`, `90 s`. */
export function formatLimit(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}m`
  return `${seconds} s`
}

/** How long ago, for lists: `now`, `22s`, `4m`, `1h`, `9d`. */
export function formatAge(from: string, nowMs: number): string {
  const seconds = Math.max(0, Math.floor((nowMs - Date.parse(from)) / 1000))
  if (seconds < 5) return 'now'
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`
  return `${Math.floor(seconds / 86_400)}d`
}

/** `842`, `168k`, `1.2M`. */
export function formatTokens(tokens: number): string {
  if (tokens < 1000) return String(tokens)
  if (tokens < 999_500) return `${Math.round(tokens / 1000)}k`
  const millions = tokens / 1_000_000
  return `${Number.isInteger(millions) ? millions : millions.toFixed(1)}M`
}

/** Binary sizes: `412 MiB`, `2 GiB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  const rounded = value >= 100 || Number.isInteger(value) ? Math.round(value) : Number(value.toFixed(1))
  return `${rounded} ${units[unit]}`
}

/** `1 file`, `4 files`. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : plural}`
}

export function formatAdditions(count: number): string {
  return `+${count}`
}

/** With a real minus sign, so that columns align. */
export function formatDeletions(count: number): string {
  return `${MINUS}${count}`
}

/** The reader's clock: `14:08`. */
export function formatTimeOfDay(iso: string): string {
  const date = new Date(iso)
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`
}

/** Exact, for a tooltip: UTC and the reader's own time. */
export function formatExact(iso: string): string {
  const date = new Date(iso)
  const utc = date.toISOString().slice(0, 19).replace('T', ' ')
  return `${utc} UTC, ${date.toLocaleString()}`
}

/** Part of a limit in whole percent, 0 to 100. */
export function toPercent(spent: number, limit: number): number {
  if (limit <= 0) return 100
  return Math.min(100, Math.max(0, Math.round((spent / limit) * 100)))
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}
