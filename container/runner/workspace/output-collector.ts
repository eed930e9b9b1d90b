/**
 * What a command printed: text from bytes, its head and its tail for the result, all of it in a file once it is long. Knows
 * neither processes nor who reads.
 */
import type { OutputFile } from './output-files.ts'

export interface CollectedOutput {
  output: string
  truncated: boolean
  outputPath: string | null
}

export interface OutputCollector {
  /** UTF-8, cut anywhere; bytes that are none become U+FFFD. */
  append(bytes: Uint8Array): void
  /** A line of our own, in square brackets, on a line of its own. */
  note(words: string): void
  /** Bytes taken so far. */
  readonly totalBytes: number
  /** Call once, at the end. */
  finish(): CollectedOutput
}

export interface OutputCollectorOptions {
  /** Characters kept in the result: half from the beginning, half from the end. */
  maxChars: number
  openFile(): OutputFile | null
  onOutput?: ((chunk: string) => void) | undefined
}

export function createOutputCollector(options: OutputCollectorOptions): OutputCollector {
  const headChars = Math.floor(options.maxChars / 2)
  const tailChars = options.maxChars - headChars
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  let totalBytes = 0
  let totalChars = 0
  let head = ''
  let tail = ''
  let file: OutputFile | null | undefined

  const add = (text: string) => {
    if (text === '') return
    totalChars += text.length
    options.onOutput?.(text)
    const room = headChars - head.length
    if (room > 0) head += text.slice(0, room)
    const late = room > 0 ? text.slice(room) : text
    if (totalChars > options.maxChars && file === undefined) {
      file = options.openFile()
      file?.append(head + tail)
      file?.append(late)
    } else file?.append(late)
    // slice(-0) would keep everything.
    tail = tailChars === 0 ? '' : (tail + late).slice(-tailChars)
  }

  return {
    get totalBytes() {
      return totalBytes
    },
    append(bytes) {
      totalBytes += bytes.byteLength
      add(decoder.decode(bytes, { stream: true }))
    },
    note(words) {
      add(decoder.decode())
      const last = tail === '' ? head : tail
      add(`${last === '' || last.endsWith('\n') ? '' : '\n'}[${words}]\n`)
    },
    finish() {
      add(decoder.decode())
      file?.close()
      if (totalChars <= options.maxChars) return { output: head + tail, truncated: false, outputPath: null }
      const cut = totalChars - head.length - tail.length
      const where = file ? `the whole output is in ${file.path}` : 'the whole output could not be kept'
      return {
        output: `${head.toWellFormed()}\n[${cut} of ${totalChars} characters cut here; ${where}]\n${tail.toWellFormed()}`,
        truncated: true,
        outputPath: file?.path ?? null,
      }
    },
  }
}
