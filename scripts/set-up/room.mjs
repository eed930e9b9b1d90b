/** How much may still be written where a folder lies or will lie. */
import { readdir, stat, statfs } from 'node:fs/promises'
import path from 'node:path'

/** Bytes that this user may still write; of the nearest folder above that is there. */
export async function readFreeBytes(folder) {
  try {
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize
  } catch (error) {
    const above = path.dirname(folder)
    if (error.code !== 'ENOENT' || above === folder) throw error
    return readFreeBytes(above)
  }
}

/** Bytes on the disk of all files in a folder; 0 when it is not there. */
export async function measureFolder(folder) {
  let bytes = 0
  for (const entry of await entriesOf(folder)) {
    const file = path.join(folder, entry.name)
    bytes += entry.isDirectory() ? await measureFolder(file) : await sizeOnDisk(file)
  }
  return bytes
}

/** As du counts. A file that goes away meanwhile has none. */
async function sizeOnDisk(file) {
  try {
    return (await stat(file)).blocks * 512
  } catch (error) {
    if (error.code === 'ENOENT') return 0
    throw error
  }
}

async function entriesOf(folder) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
}

/** `1.2 GB` or `35 MB`. */
export function describeBytes(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.floor(bytes / 1e6)} MB`
}
