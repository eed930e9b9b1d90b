const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** Milliseconds as people write them: "850ms", "12s", "4m 05s", "2h 00m". */
export function formatDuration(ms) {
  if (ms < SECOND) return `${Math.round(ms)}ms`
  if (ms >= HOUR) {
    const hours = Math.floor(ms / HOUR)
    const minutes = Math.floor((ms % HOUR) / MINUTE)
    return `${hours}h ${twoDigits(minutes)}m`
  }
  const minutes = Math.floor(ms / MINUTE)
  const seconds = Math.round((ms % MINUTE) / SECOND)
  return minutes === 0 ? `${seconds}s` : `${minutes}m ${twoDigits(seconds)}s`
}

function twoDigits(number) {
  return String(number).padStart(2, '0')
}
