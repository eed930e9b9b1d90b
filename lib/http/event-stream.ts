/**
 * Server-sent events (WHATWG HTML, section 9.2) from an async iterable: pulled by the reader, so that a slow one holds back
 * its own stream and nothing else. A comment every 15 s keeps idle connections open. Who takes nothing at all is cut by the
 * server (lib/composition/http-server.ts), and comes back by `Last-Event-ID`.
 */
const HEARTBEAT_MS = 15_000

export interface ServerSentEvent {
  id?: string
  event?: string
  data: unknown
}

export function eventStreamResponse(input: {
  request: Request
  open: (signal: AbortSignal) => AsyncIterable<ServerSentEvent>
}): Response {
  const ending = new AbortController()
  const signal = AbortSignal.any([input.request.signal, ending.signal])
  const encoder = new TextEncoder()
  let iterator: AsyncIterator<ServerSentEvent>
  let heartbeat: NodeJS.Timeout
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        iterator = input.open(signal)[Symbol.asyncIterator]()
        controller.enqueue(encoder.encode('retry: 1000\n\n'))
        heartbeat = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(': alive\n\n'))
        }, HEARTBEAT_MS)
        signal.addEventListener(
          'abort',
          () => {
            clearInterval(heartbeat)
            // Nobody pulls any more: the generator is told, so that it lets go of what it holds.
            void iterator.return?.()
          },
          { once: true },
        )
      },
      async pull(controller) {
        const next = await iterator.next()
        if (!next.done) return controller.enqueue(encoder.encode(format(next.value)))
        clearInterval(heartbeat)
        if (!signal.aborted) controller.close()
      },
      cancel() {
        ending.abort()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 64 * 1024 }),
  )
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}

function format({ id, event, data }: ServerSentEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`
}
