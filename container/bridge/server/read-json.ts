import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { HttpProblem } from './problem.ts'

/** The body, parsed and checked. Throws HttpProblem 413, 400 or 422 that says what is wrong with it. */
export async function readJson<T extends z.ZodType>(
  request: IncomingMessage,
  { schema, maxBytes }: { schema: T; maxBytes: number },
): Promise<z.infer<T>> {
  const value = parse(await readBody(request, maxBytes))
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`)
  throw new HttpProblem(422, 'validation_failed', `The body is not as the contract says. ${problems.join('; ')}`)
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > maxBytes) {
      throw new HttpProblem(413, 'payload_too_large', `The body is larger than ${maxBytes} bytes.`)
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new HttpProblem(400, 'validation_failed', `The body is not JSON: ${error.message}`)
  }
}
