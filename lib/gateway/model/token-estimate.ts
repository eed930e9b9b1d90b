/** How many tokens a text has, where nobody counted: before a call, and after one whose provider never said. */

/**
 * Low on purpose, so that what is held for a prompt covers it: English has about four bytes a token, code three, and three is
 * also one character of Chinese or Japanese.
 */
const BYTES_PER_TOKEN = 3
/** As providers count a large picture. */
export const IMAGE_TOKENS = 5_000

export function estimateTokens(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN)
}
