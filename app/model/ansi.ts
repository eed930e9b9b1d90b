/**
 * Terminal output as spans of text: colours and weight of SGR sequences kept, every other control sequence dropped, a
 * carriage return overwrites its line as a terminal would.
 * Owns: that reading. Must not know: how spans are drawn.
 */

export type AnsiColor = 'black' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'white'

export interface AnsiSpan {
  text: string
  color: AnsiColor | null
  bold: boolean
  dim: boolean
}

type Style = Omit<AnsiSpan, 'text'>

const COLORS: readonly AnsiColor[] = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white']
const PLAIN: Style = { color: null, bold: false, dim: false }

// CSI (with its final byte captured), OSC up to BEL or ST, and two-character escapes: ECMA-48 sections 5.4 and 8.3.
const SEQUENCE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control sequences are what is looked for
  /\u001b\[([0-9:;<=>?]*)[ -/]*([@-~])|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[ -/]*[0-Z\\^-~]/g

/** Lines of spans. The last line may be empty. */
export function parseAnsi(output: string): AnsiSpan[][] {
  let style = PLAIN
  return output
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => {
      const read = readLine(line, style)
      style = read.style
      return read.spans
    })
}

/** The text alone. */
export function stripAnsi(output: string): string {
  return parseAnsi(output)
    .map((line) => line.map((span) => span.text).join(''))
    .join('\n')
}

function readLine(line: string, initial: Style): { spans: AnsiSpan[]; style: Style } {
  let style = initial
  let spans: AnsiSpan[] = []
  const add = (text: string) => {
    const parts = text.split('\r')
    // What follows a carriage return replaces the line; a trailing one replaces nothing yet.
    const lastIndex = parts.findLastIndex((part) => part !== '')
    if (lastIndex > 0) spans = []
    const kept = dropControls(parts[Math.max(lastIndex, 0)] ?? '')
    if (kept !== '') spans.push({ text: kept, ...style })
  }
  let from = 0
  for (const match of line.matchAll(SEQUENCE)) {
    add(line.slice(from, match.index))
    if (match[2] === 'm') style = applySgr(style, match[1] ?? '')
    if (match[2] === 'K' && match[1] === '2') spans = []
    from = match.index + match[0].length
  }
  add(line.slice(from))
  return { spans, style }
}

function dropControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters have no place on a page
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '')
}

function applySgr(style: Style, parameters: string): Style {
  let next = style
  const codes = parameters.split(/[;:]/).map(Number)
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0
    if (code === 38 || code === 48) {
      // A colour from the 256 or of three bytes has no token of ours: it is read past.
      index += codes[index + 1] === 5 ? 2 : 4
      continue
    }
    next = applyCode(next, code)
  }
  return next
}

function applyCode(style: Style, code: number): Style {
  if (code === 0) return PLAIN
  if (code === 1) return { ...style, bold: true }
  if (code === 2) return { ...style, dim: true }
  if (code === 22) return { ...style, bold: false, dim: false }
  if (code === 39) return { ...style, color: null }
  if (code >= 30 && code <= 37) return { ...style, color: COLORS[code - 30] ?? null }
  if (code >= 90 && code <= 97) return { ...style, color: COLORS[code - 90] ?? null }
  return style
}
