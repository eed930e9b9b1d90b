/** The data folder of an installation that ends with the script that started it. */
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises'
import path from 'node:path'
import { locateEmbedded, runsAsRoot } from '../../lib/store/embedded/location.ts'

/** In the person's own data folder: what lies there can be mounted by the engine, which a temporary folder may not. */
export async function makeDataDirectory(base: string): Promise<string> {
  await mkdir(base, { recursive: true, mode: 0o700 })
  return mkdtemp(path.join(base, 'demo-'))
}

/** With the database, which lies elsewhere as root, where its own user can go. */
export async function removeDataDirectory(dataDirectory: string): Promise<void> {
  await rm(locateEmbedded(dataDirectory, runsAsRoot()).home, { recursive: true, force: true })
  await rm(dataDirectory, { recursive: true, force: true })
  await rmdir(path.dirname(dataDirectory)).catch((error: NodeJS.ErrnoException) => {
    // Somebody's own installation, or another demo, is in it.
    if (error.code !== 'ENOTEMPTY' && error.code !== 'ENOENT') throw error
  })
}
