/** Random numbers that a seed gives again: what failed once can be looked at. */
export interface SeededRandom {
  /** A whole number from `from` to `to`, both included. */
  whole(from: number, to: number): number
  oneOf<T>(choices: readonly T[]): T
}

/** FNV-1a of the seed's words into mulberry32 (T. Ettinger): 32 bits of state, enough to choose moments. */
export function createSeededRandom(seed: string): SeededRandom {
  let state = hash(seed)
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const whole: SeededRandom['whole'] = (from, to) => from + Math.floor(next() * (to - from + 1))
  return { whole, oneOf: (choices) => choices[whole(0, choices.length - 1)] as (typeof choices)[number] }
}

function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193) >>> 0
  return value
}
