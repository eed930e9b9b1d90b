/**
 * The host's directory that is mounted at /run/berth-bridge, one for each incarnation. It lies under a 0700 parent, so that
 * only this user reaches it from outside, and no file in it (a setuid one, say) is of use to anybody else. Root gives it to the
 * bridge's user; for any other control plane, which cannot, it is open to all users inside, and sticky.
 */
import { chmod, chown, mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { BRIDGE_UID, SANDBOX_PATHS } from '../../../../container/contract/tunnel.ts'
import { randomText } from '../../../ids.ts'

export function socketDirectoryOf(socketRoot: string, incarnation: string): string {
  if (!/^[A-Za-z0-9_-]+$/.test(incarnation)) throw new TypeError(`"${incarnation}" is no incarnation id`)
  return path.join(socketRoot, incarnation)
}

export function socketPathOf(socketRoot: string, incarnation: string): string {
  return path.join(socketDirectoryOf(socketRoot, incarnation), path.basename(SANDBOX_PATHS.socket))
}

/** There, empty of an earlier life's socket, and of the right modes. */
export async function prepareSocketDirectory(socketRoot: string, incarnation: string): Promise<string> {
  await mkdir(socketRoot, { recursive: true, mode: 0o700 })
  await chmod(socketRoot, 0o700)
  const directory = socketDirectoryOf(socketRoot, incarnation)
  await mkdir(directory, { recursive: true })
  const { owner, mode } = accessFor(process.getuid?.())
  if (owner !== null) await chown(directory, owner, owner)
  // Not in mkdir, where the umask takes bits away.
  await chmod(directory, mode)
  await clearAway(socketPathOf(socketRoot, incarnation))
  return directory
}

/** Of a directory that this user makes; `owner` null leaves it as made. */
export function accessFor(uid: number | undefined): { owner: number | null; mode: number } {
  return uid === 0 ? { owner: BRIDGE_UID, mode: 0o755 } : { owner: null, mode: 0o1777 }
}

/** After the container is gone. False when a sandbox left folders in it that only its own users, or root, can remove. */
export async function removeSocketDirectory(socketRoot: string, incarnation: string): Promise<boolean> {
  try {
    await rm(socketDirectoryOf(socketRoot, incarnation), { recursive: true, force: true })
    return true
  } catch (error) {
    if (isDenied(error)) return false
    throw error
  }
}

/** What cannot be removed can still be renamed by the owner of the directory it lies in. */
async function clearAway(file: string): Promise<void> {
  try {
    await rm(file, { recursive: true, force: true })
  } catch (error) {
    if (!isDenied(error)) throw error
    await rename(file, `${file}.${randomText(8)}`)
  }
}

function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['EACCES', 'EPERM', 'ENOTEMPTY'].includes(String(error.code))
}
