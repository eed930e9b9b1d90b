const MAX_LINE_CHARS = 1024 * 1024

/** The lines of an NDJSON body, each parsed. Throws an Error at a line that is not JSON, too long, or cut off. */
export async function* readJsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_LINE_CHARS) throw new Error(`A line is longer than ${MAX_LINE_CHARS} characters.`)
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line)
  }
  if (rest.trim() !== '') throw new Error('The last line was cut off.')
}
