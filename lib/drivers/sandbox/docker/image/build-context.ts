/** What is sent to a build: files in memory, their hash, and the tar of them. Nothing in it depends on the time or the order of reading. */
import { createHash, type Hash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'

export interface ContextFile {
  /** In the context, with forward slashes. */
  path: string
  mode: number
  content: Buffer
}

/** All files below `folder`, under `prefix` in the context. */
export async function readContextFolder(folder: string, prefix: string): Promise<ContextFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  return Promise.all(
    files.sort().map(async (file) => ({
      path: path.posix.join(prefix, path.relative(folder, file).split(path.sep).join('/')),
      mode: ((await stat(file)).mode & 0o100) === 0 ? 0o644 : 0o755,
      content: await readFile(file),
    })),
  )
}

export function moveContextFiles(files: ContextFile[], prefix: string): ContextFile[] {
  return files.map((file) => ({ ...file, path: path.posix.join(prefix, file.path) }))
}

/** SHA-256 (hex) of the names given, in order, and of every file. */
export function hashContext(names: string[], files: ContextFile[]): string {
  const hash = createHash('sha256')
  for (const name of names) addPart(hash, name)
  for (const file of files.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    addPart(hash, `${file.path} ${file.mode}`)
    addPart(hash, file.content)
  }
  return hash.digest('hex')
}

function addPart(hash: Hash, part: string | Buffer) {
  hash.update(`${Buffer.byteLength(part)}:`).update(part)
}

/** `folders` are there even when no file lies in them: a COPY of a missing folder fails. */
export function packContext(files: ContextFile[], folders: string[] = []): Readable {
  const archive = pack()
  const mtime = new Date(0)
  const write = async () => {
    for (const folder of folders) archive.entry({ name: `${folder}/`, type: 'directory', mode: 0o755, mtime })
    for (const file of files) {
      await new Promise<void>((resolve, reject) => {
        const header = { name: file.path, mode: file.mode, mtime, size: file.content.length }
        archive.entry(header, file.content, (error) => (error ? reject(error) : resolve()))
      })
    }
    archive.finalize()
  }
  write().catch((error: Error) => archive.destroy(error))
  // The archive is a stream of another library's kind.
  return Readable.from(archive, { objectMode: false })
}
