/** What the file system's error codes mean to a tool. Knows codes only, never words. */
import { WorkspaceError, type WorkspaceErrorCode } from '../../bridge/workspace-port.ts'

const MEANING: Record<string, { code: WorkspaceErrorCode; words: string }> = {
  ENOENT: { code: 'not_found', words: 'does not exist' },
  ENOTDIR: { code: 'not_a_directory', words: 'is not a directory, or leads through something that is not one' },
  EISDIR: { code: 'is_directory', words: 'is a directory' },
  EEXIST: { code: 'conflict', words: 'exists already' },
  EACCES: { code: 'permission_denied', words: 'cannot be reached: permission denied' },
  EPERM: { code: 'permission_denied', words: 'cannot be changed: permission denied' },
  EROFS: { code: 'permission_denied', words: 'lies on a read-only file system' },
  ENOSPC: { code: 'disk_full', words: 'cannot be written: no space is left on the disk' },
  EDQUOT: { code: 'disk_full', words: 'cannot be written: the disk quota is used up' },
  ENAMETOOLONG: { code: 'failed', words: 'is too long a path' },
}

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/** A WorkspaceError in place of what a file operation on `shown` threw. One that is there already stays as it is. */
export function mapFsError(error: unknown, shown: string): WorkspaceError {
  if (error instanceof WorkspaceError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const meaning = MEANING[code]
  if (meaning !== undefined) return new WorkspaceError(meaning.code, `${shown} ${meaning.words}.`)
  return new WorkspaceError('failed', `${shown}: ${error instanceof Error ? error.message : String(error)}`)
}
