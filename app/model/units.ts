/**
 * Durations and sizes as a person types them.
 * Owns: reading them. Must not know: forms, limits. How they are written is format.ts.
 */

const DURATION_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }
const SIZE_BYTES: Record<string, number> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** `30m`, `1h 30m`, `90 s`: milliseconds. Null where it cannot be read; a number without a unit is none. */
export function readDuration(text: string): number | null {
  const parts = [...text.toLowerCase().matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)]
  const rest = text.toLowerCase().replaceAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g, '')
  if (parts.length === 0 || rest.trim() !== '') return null
  let sum = 0
  for (const [, number, unit] of parts) {
    const unitMs = DURATION_MS[unit ?? '']
    if (unitMs === undefined) return null
    sum += Number(number) * unitMs
  }
  return Math.round(sum)
}

/** `512 MiB`, `10 GB`, `2g`: bytes, always in powers of 1024. Null where it cannot be read. */
export function readBytes(text: string): number | null {
  const [, number, unit] = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*$/i.exec(text) ?? []
  const factor = SIZE_BYTES[unit?.toLowerCase() ?? '']
  return number === undefined || factor === undefined ? null : Math.round(Number(number) * factor)
}
