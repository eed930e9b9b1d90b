/** The engine's streams of messages: one JSON value a line. */

/** The values of `stream` as they come; ends when it ends, throws when it breaks. Shapes are what the engine says they are. */
export async function* readJsonLines<T>(stream: NodeJS.ReadableStream): AsyncGenerator<T> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of stream) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as T
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as T
}
