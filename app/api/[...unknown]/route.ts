import { BerthError } from '../../../lib/errors.ts'
import { authenticate } from '../../../lib/http/authenticate.ts'
import { notSignedIn } from '../../../lib/http/handle.ts'
import { requireParts } from '../../../lib/http/parts.ts'
import { problemResponse } from '../../../lib/http/problem-response.ts'

/** What is not a route answers as the others do: in words, and to those who are signed in only. */
async function unknownRoute(request: Request): Promise<Response> {
  const parts = requireParts()
  try {
    if (!(await authenticate(request, parts))) throw notSignedIn()
    const { pathname } = new URL(request.url)
    throw new BerthError('not_found', `There is no route ${request.method} ${pathname.slice(0, 200)}.`, {
      hint: 'The README lists the routes.',
    })
  } catch (error) {
    return problemResponse(error, parts.logger)
  }
}

export { unknownRoute as DELETE, unknownRoute as GET, unknownRoute as PATCH, unknownRoute as POST, unknownRoute as PUT }
