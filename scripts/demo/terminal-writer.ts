/**
 * Writes to a terminal line by line and, for what is still being written, piece by piece: knows whether the cursor stands
 * at the beginning of a line and how much of each streamed message is on the screen.
 */
import { paint, type Style } from './terminal-style.ts'

export interface TerminalOptions {
  write(text: string): void
  colour: boolean
  /** Most lines of one command's output, and of one diff; default 40. */
  maxLines?: number
}

export interface Look {
  /** Before each line. */
  prefix: string
  styles: Style[]
}

export interface TerminalWriter {
  style(text: string, ...styles: Style[]): string
  /** A whole line, on a line of its own. */
  line(text: string): void
  /** Whole lines, each behind the prefix; beyond the limit one line says how many more there are. */
  block(text: string, look: Look | ((line: string) => string)): void
  /** Writes what of `text`, which begins at `offset` (UTF-16 units) of message `id`, is not on the screen yet. */
  stream(id: string, offset: number, text: string, look: Look): void
  /** True when a streamed message had more lines than are shown. */
  wasCut(id: string): boolean
}

export function createTerminalWriter(options: TerminalOptions): TerminalWriter {
  const { maxLines = 40 } = options
  const streamed = new Map<string, { shown: number; lines: number }>()
  let atLineStart = true
  const style = (text: string, ...styles: Style[]) => paint(text, options.colour, ...styles)
  const write = (text: string) => {
    if (text === '') return
    options.write(text)
    atLineStart = text.endsWith('\n')
  }
  const line = (text: string) => {
    if (!atLineStart) write('\n')
    write(`${text}\n`)
  }
  return {
    style,
    line,
    block(text, look) {
      const show =
        typeof look === 'function'
          ? look
          : (content: string) => style(look.prefix, 'dim') + style(content, ...look.styles)
      const lines = text.replace(/\n$/, '').split('\n')
      for (const content of lines.slice(0, maxLines)) line(show(content))
      if (lines.length > maxLines) line(style(`    … ${lines.length - maxLines} more lines`, 'dim'))
    },
    stream(id, offset, text, look) {
      const state = streamed.get(id) ?? { shown: 0, lines: 0 }
      streamed.set(id, state)
      const fresh = text.slice(Math.max(0, state.shown - offset))
      if (fresh === '') return
      if (state.shown === 0 && !atLineStart) write('\n')
      state.shown = Math.max(state.shown, offset + text.length)
      for (const piece of fresh.split(/(?<=\n)/)) {
        if (state.lines > maxLines) return
        if (state.lines === maxLines && atLineStart) line(style(`${look.prefix}…`, 'dim'))
        else write((atLineStart ? style(look.prefix, 'dim') : '') + style(piece, ...look.styles))
        if (piece.endsWith('\n') || state.lines === maxLines) state.lines += 1
      }
    },
    wasCut: (id) => (streamed.get(id)?.lines ?? 0) > maxLines,
  }
}
