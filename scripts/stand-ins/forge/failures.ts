/** How the stand-in misbehaves when a test has ordered it: in place of an answer, or in the middle of one. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { problem } from './shapes.ts'

/** What happens to the next request that matches, instead of what should. */
export interface Failure {
  /** Default: any. A string is the beginning of "METHOD /path?query". */
  match?: string | RegExp
  status?: number
  headers?: Record<string, string>
  body?: unknown
  /** Answer at once and read nothing of the request's body. */
  unread?: boolean
  /** Cut the connection without an answer. */
  drop?: boolean
  /** Accept the request and never answer. */
  hang?: boolean
  /** Serve it, but cut the connection after so many bytes of the request's body. */
  cutRequestAfter?: number
  /** Serve it, but read no more after so many bytes of the request's body. */
  stallAfter?: number
  /** Serve it, but cut the connection after so many bytes of the answer's body. */
  cutAnswerAfter?: number
  /** How many requests that match are served first; default 0. */
  after?: number
  /** How many requests; default 1. */
  times?: number
}

/** The failure that is due for "METHOD /path?query", and one less of it. */
export function takeFailure(failures: Failure[], line: string): Failure | undefined {
  const matching = failures.filter(({ match }) =>
    match === undefined ? true : typeof match === 'string' ? line.startsWith(match) : match.test(line),
  )
  const failure = matching.find(isDue)
  if (failure === undefined) return undefined
  failure.times = (failure.times ?? 1) - 1
  if (failure.times <= 0) failures.splice(failures.indexOf(failure), 1)
  return failure
}

function isDue(failure: Failure): boolean {
  const { after = 0 } = failure
  failure.after = after - 1
  return after <= 0
}

/** Whether the request is served all the same, as far as it comes. */
export function isServed(failure: Failure): boolean {
  const { cutRequestAfter, stallAfter, cutAnswerAfter } = failure
  return [cutRequestAfter, stallAfter, cutAnswerAfter].some((bytes) => bytes !== undefined)
}

export function answerFailure(failure: Failure, request: IncomingMessage, response: ServerResponse): void {
  if (!failure.unread) request.resume()
  if (failure.hang) return
  if (failure.drop) {
    request.socket.destroy()
    return
  }
  const status = failure.status ?? 500
  const isText = typeof failure.body === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...failure.headers })
  response.end(isText ? failure.body : JSON.stringify(failure.body ?? problem(status, 'Server Error').body))
}

/** Watches what passes, and breaks off when enough has. */
export function cutExchange(failure: Failure, request: IncomingMessage, response: ServerResponse): void {
  const never = Number.POSITIVE_INFINITY
  const { cutRequestAfter = never, stallAfter = never, cutAnswerAfter = never } = failure
  let received = 0
  request.on('data', (chunk: Buffer) => {
    received += chunk.length
    if (received > cutRequestAfter) request.socket.destroy()
    // The answer to what has come may be written; the rest waits on the connection.
    if (received > stallAfter) request.unpipe().pause()
  })
  // Until whoever serves it reads it.
  request.pause()
  let sent = 0
  const write = response.write.bind(response)
  response.write = (chunk: Buffer) => {
    if (sent + chunk.length <= cutAnswerAfter) {
      sent += chunk.length
      return write(chunk)
    }
    write(chunk.subarray(0, cutAnswerAfter - sent), () => request.socket.destroy())
    return false
  }
}
