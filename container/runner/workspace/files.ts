/**
 * Reading, writing and listing in the real workspace: the file half of the Workspace port. Owns atomic writes and what an
 * expected content means. Must not know processes, nor the wire.
 */
import { createHash, randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { chmod, lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { type FileContent, type FileStat, type Workspace, WorkspaceError } from '../../bridge/workspace-port.ts'
import { hasCode, mapFsError } from './map-fs-error.ts'
import type { PathResolver, ResolvedPath } from './resolve-path.ts'

export type WorkspaceFiles = Pick<Workspace, 'stat' | 'readFile' | 'writeFile' | 'list'>

export function createWorkspaceFiles(paths: PathResolver): WorkspaceFiles {
  return {
    async stat(given) {
      const at = await paths.resolve(given)
      const stats = await findStats(at)
      return stats === null ? null : describe(at.shown, stats)
    },
    async readFile(given, { maxBytes }) {
      const at = await paths.resolve(given)
      return readWhole(at, maxBytes).catch((error: unknown) => {
        throw mapFsError(error, at.shown)
      })
    },
    async writeFile(given, bytes, { expect } = {}) {
      const at = await paths.resolve(given)
      return writeWhole(at, bytes, expect).catch((error: unknown) => {
        throw mapFsError(error, at.shown)
      })
    },
    async list(given) {
      const at = await paths.resolve(given)
      return listEntries(at, paths).catch((error: unknown) => {
        throw mapFsError(error, at.shown)
      })
    },
  }
}

async function findStats(at: ResolvedPath): Promise<Stats | null> {
  try {
    return await stat(at.real)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return null
    throw mapFsError(error, at.shown)
  }
}

function describe(shown: string, stats: Stats): FileStat {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'other'
  return { path: shown, kind, size: stats.size, mtimeMs: stats.mtimeMs }
}

async function readWhole(at: ResolvedPath, maxBytes: number): Promise<FileContent> {
  // Without O_NONBLOCK, opening a FIFO waits for a writer that may never come.
  const file = await open(at.real, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stats = await file.stat()
    if (stats.isDirectory()) throw new WorkspaceError('is_directory', `${at.shown} is a directory.`)
    if (!stats.isFile()) throw new WorkspaceError('failed', `${at.shown} is not a regular file.`)
    const tooLarge = (size: number) =>
      new WorkspaceError('too_large', `${at.shown} has ${size} bytes; at most ${maxBytes} can be read in one piece.`)
    if (stats.size > maxBytes) throw tooLarge(stats.size)
    const bytes = await file.readFile()
    if (bytes.byteLength > maxBytes) throw tooLarge(bytes.byteLength)
    return { ...describe(at.shown, stats), size: bytes.byteLength, bytes, sha256: sha256Of(bytes) }
  } finally {
    await file.close()
  }
}

async function writeWhole(at: ResolvedPath, bytes: Uint8Array, expect: string | null | undefined) {
  const before = await findStats(at)
  if (before?.isDirectory()) throw new WorkspaceError('is_directory', `${at.shown} is a directory.`)
  if (before !== null && !before.isFile()) {
    throw new WorkspaceError('failed', `${at.shown} is not a regular file and is not replaced.`)
  }
  if (expect !== undefined) await assertContent(at, before, expect)
  const folder = path.dirname(at.real)
  await makeFolder(folder, at.shown)
  // In the same folder, so that the rename is one step on one file system.
  const temporary = path.join(folder, `.${path.basename(at.real).slice(0, 100)}.${randomBytes(6).toString('hex')}.tmp`)
  try {
    const file = await open(temporary, 'wx', before === null ? 0o666 : before.mode & 0o7777)
    try {
      await file.writeFile(bytes)
    } finally {
      await file.close()
    }
    if (before !== null) await chmod(temporary, before.mode & 0o7777)
    await rename(temporary, at.real)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  return { sha256: sha256Of(bytes), created: before === null }
}

async function makeFolder(folder: string, shown: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    // mkdir says EEXIST when the last part of the folder's path is a file.
    if (!hasCode(error, 'EEXIST')) throw error
    throw new WorkspaceError('not_a_directory', `${shown} cannot be made: ${path.dirname(shown)} is not a directory.`)
  }
}

async function assertContent(at: ResolvedPath, before: Stats | null, expect: string | null): Promise<void> {
  if (expect === null) {
    if (before === null) return
    throw new WorkspaceError('conflict', `${at.shown} exists already.`)
  }
  if (before === null) throw new WorkspaceError('conflict', `${at.shown} is not there any more.`)
  const now = await readWhole(at, Number.POSITIVE_INFINITY)
  if (now.sha256 !== expect) throw new WorkspaceError('conflict', `${at.shown} has changed in the meantime.`)
}

async function listEntries(at: ResolvedPath, paths: PathResolver): Promise<FileStat[]> {
  const names = await readdir(at.real)
  const entries = await Promise.all(
    names.sort().map(async (name) => {
      const real = path.join(at.real, name)
      try {
        return describe(paths.show(real), await lstat(real))
      } catch (error) {
        // Gone between the listing and the look.
        if (hasCode(error, 'ENOENT')) return null
        throw error
      }
    }),
  )
  return entries.filter((entry) => entry !== null)
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
