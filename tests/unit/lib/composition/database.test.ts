import { createServer } from 'node:net'
import { expect, it } from 'vitest'
import { openDatabase } from '../../../../lib/composition/database.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'

async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return address.port
}

it('a named database that does not answer keeps Berth from starting, in words without its password', async () => {
  const port = await findFreePort()
  const databaseUrl = `postgres://ada:hunter2@127.0.0.1:${port}/berth`
  const opening = openDatabase({ databaseUrl, dataDirectory: '/nowhere' }, { waitMs: 600 })
  const error = await opening.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(StartRefused)
  const { message } = error as StartRefused
  expect(message).toBe(
    `The database server at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}. Waited 1 s. Correct DATABASE_URL or the server; without DATABASE_URL Berth has an embedded database.`,
  )
})
