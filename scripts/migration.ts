/** `npm run migration -- <name>`: writes the next migration, from what prisma/schema.prisma has and prisma/migrations has not. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createMigration } from '../lib/store/create-migration.ts'
import { removeEmbeddedServer, startEmbeddedServer } from '../lib/store/embedded/server.ts'

const name = process.argv.slice(2).join(' ')
if (name.trim() === '') {
  console.error('usage: npm run migration -- <name>, for example: npm run migration -- add agent colour')
  process.exit(2)
}

/** A server of its own: the installation's may be running, stopped, or somewhere else. */
const dataDirectory = await realpath(await mkdtemp(path.join(tmpdir(), 'berth-migration-')))
try {
  const { url } = await startEmbeddedServer({ dataDirectory })
  const file = await createMigration({ url, name })
  console.log(
    file === null
      ? 'The migrations are up to date with prisma/schema.prisma.'
      : `Written: ${path.relative(process.cwd(), file)}. Read it before you commit it; npm start applies it.`,
  )
} finally {
  await removeEmbeddedServer(dataDirectory)
  await rm(dataDirectory, { recursive: true, force: true })
}
