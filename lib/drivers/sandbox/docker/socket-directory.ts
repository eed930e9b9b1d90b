/**
 * The host's directory that is mounted at /run/berth-bridge, one for each incarnation. It lies under a 0700 parent, so that
 * only this user reaches it from outside; it is 1777, since a control plane that is not root cannot give it to the bridge's user.
 */
import { chmod, mkdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { SANDBOX_PATHS } from '../../../../container/contract/tunnel.ts'
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
  // Not in mkdir, where the umask takes bits away.
  await chmod(directory, 0o1777)
  await clearAway(socketPathOf(socketRoot, incarnation))
  return directory
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
