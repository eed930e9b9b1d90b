/** Generates the Prisma client from prisma/schema.prisma. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { findNode24, withNodeFirst } from './node24.mjs'
import { describeDuration, projectDirectory, SetUpError, say } from './project.mjs'

const generated = path.join(projectDirectory, 'lib', 'store', 'generated')
/** In the generated folder, so that it goes with what it vouches for. */
const stampFile = path.join(generated, '.stamp')
const prisma = path.join(projectDirectory, 'node_modules', 'prisma')

/** True when the client is of this schema and this version of Prisma. */
export async function isClientCurrent() {
  const stamp = await readIfThere(stampFile)
  return stamp !== null && stamp === (await describeInputs())
}

/** Takes some seconds. */
export async function generateClient() {
  const began = performance.now()
  const node = await findNode24()
  const stamp = await describeInputs()
  try {
    // First the stamp: what is half done must not be taken for the whole.
    await rm(stampFile, { force: true })
    await promisify(execFile)(node, [path.join(prisma, 'build', 'index.js'), 'generate', '--no-hints'], {
      cwd: projectDirectory,
      env: { ...process.env, PATH: withNodeFirst(node), PRISMA_HIDE_UPDATE_MESSAGE: '1', CHECKPOINT_DISABLE: '1' },
    })
    await writeFile(stampFile, stamp)
  } catch (error) {
    throw new SetUpError(
      `The database client cannot be generated from prisma/schema.prisma into ${generated}. Why:\n${(error.stderr || error.message).trimEnd()}`,
      { cause: error },
    )
  }
  say(`  database client generated in ${describeDuration(performance.now() - began)}`)
}

async function describeInputs() {
  const hash = createHash('sha256')
  hash.update(await readFile(path.join(projectDirectory, 'prisma', 'schema.prisma')))
  hash.update(await readFile(path.join(prisma, 'package.json')))
  return hash.digest('hex')
}

async function readIfThere(file) {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}
