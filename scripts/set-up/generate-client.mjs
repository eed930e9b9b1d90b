/** Generates the Prisma client from prisma/schema.prisma when it is older than that. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { findNode24, withNodeFirst } from './node24.mjs'
import { projectDirectory, SetUpError } from './project.mjs'

/** In the generated folder, so that it goes with what it vouches for. */
const stampFile = path.join(projectDirectory, 'lib', 'store', 'generated', '.stamp')
const prisma = path.join(projectDirectory, 'node_modules', 'prisma')

/** Takes a second when there is something to do, or with `force`. */
export async function ensureClient({ force = false } = {}) {
  const stamp = await describeInputs()
  if (!force && (await readStamp()) === stamp) return
  const node = await findNode24()
  try {
    await promisify(execFile)(node, [path.join(prisma, 'build', 'index.js'), 'generate', '--no-hints'], {
      cwd: projectDirectory,
      env: { ...process.env, PATH: withNodeFirst(node), PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
    })
  } catch (error) {
    throw new SetUpError(
      `The database client cannot be generated from prisma/schema.prisma:\n${error.stderr || error.message}`,
    )
  }
  await writeFile(stampFile, stamp)
}

async function describeInputs() {
  const hash = createHash('sha256')
  hash.update(await readFile(path.join(projectDirectory, 'prisma', 'schema.prisma')))
  hash.update(await readFile(path.join(prisma, 'package.json')))
  return hash.digest('hex')
}

async function readStamp() {
  try {
    return await readFile(stampFile, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}
