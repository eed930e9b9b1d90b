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
  const error = await openDatabase({ databaseUrl, dataDirectory: '/nowhere' }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(StartRefused)
  const { message } = error as StartRefused
  expect(message).toBe(
    `The database that DATABASE_URL names cannot be used: Can't reach database server at \`127.0.0.1:${port}\`. Please make sure your database server is running at \`127.0.0.1:${port}\`. Leave DATABASE_URL empty to have an embedded one.`,
  )
})
