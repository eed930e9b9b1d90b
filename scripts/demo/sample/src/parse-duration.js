const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** What formatDuration wrote, in milliseconds. Throws a RangeError for anything else. */
export function parseDuration(text) {
  const parts = text.trim().split(/\s+/)
  return parts.reduce((total, part) => {
    const match = /^(\d+)(ms|s|m|h)$/.exec(part)
    if (match === null) throw new RangeError(`Not a duration: ${text}`)
    return total + Number(match[1]) * UNITS[match[2]]
  }, 0)
}
