/** Colours of a terminal and figures as people read them. */

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const
export type Style = keyof typeof CODES

/** `text` in the given styles; as it is without colour. Styles end before a line does, so that nothing bleeds. */
export function paint(text: string, colour: boolean, ...styles: Style[]): string {
  if (!colour || styles.length === 0 || text === '') return text
  const begin = `\u001b[${styles.map((style) => CODES[style]).join(';')}m`
  const [, body = '', end = ''] = /^(.*?)(\n*)$/s.exec(text) ?? []
  return body === '' ? end : `${begin}${body}\u001b[0m${end}`
}

export function formatUsd(usd: number): string {
  return `$${usd.toFixed(usd >= 1 ? 2 : 4)}`
}

export function formatTokens(tokens: number): string {
  return tokens < 10_000 ? String(tokens) : `${(tokens / 1000).toFixed(0)}k`
}
