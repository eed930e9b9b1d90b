import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  accessFor,
  prepareSocketDirectory,
  removeSocketDirectory,
  socketPathOf,
} from '../../../../../../lib/drivers/sandbox/docker/socket-directory.ts'

describe('the directory of a bridge socket', () => {
  let folder: string
  let root: string
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-sockets-'))
    root = path.join(folder, 'sockets')
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('is the bridge’s where root makes it, else sticky and open to the users inside', () => {
    expect(accessFor(0)).toEqual({ owner: 990, mode: 0o755 })
    expect(accessFor(1000)).toEqual({ owner: null, mode: 0o1777 })
    expect(accessFor(undefined)).toEqual({ owner: null, mode: 0o1777 })
  })

  it('lies under a parent that only this user enters, whatever the umask', async () => {
    const before = process.umask(0o077)
    try {
      const directory = await prepareSocketDirectory(root, 'inc_1')
      expect((await stat(root)).mode & 0o7777).toBe(0o700)
      const { owner, mode } = accessFor(process.getuid?.())
      const made = await stat(directory)
      expect([made.uid, made.mode & 0o7777]).toEqual([owner ?? process.getuid?.(), mode])
    } finally {
      process.umask(before)
    }
  })

  it('closes a parent that was left open', async () => {
    await mkdir(root, { mode: 0o755 })
    await prepareSocketDirectory(root, 'inc_1')
    expect((await stat(root)).mode & 0o7777).toBe(0o700)
  })

  it('loses what an earlier life left in the place of the socket', async () => {
    const directory = await prepareSocketDirectory(root, 'inc_1')
    await mkdir(socketPathOf(root, 'inc_1'))
    await writeFile(path.join(socketPathOf(root, 'inc_1'), 'x'), '')
    await prepareSocketDirectory(root, 'inc_1')
    expect(await readdir(directory)).toEqual([])
  })

  it('is removed with all that is in it, and once more without complaint', async () => {
    const directory = await prepareSocketDirectory(root, 'inc_1')
    await writeFile(path.join(directory, 'x'), '')
    expect(await removeSocketDirectory(root, 'inc_1')).toBe(true)
    expect(await removeSocketDirectory(root, 'inc_1')).toBe(true)
    expect(await readdir(root)).toEqual([])
  })

  it.each(['..', 'a/b', ''])('has no name like "%s"', (incarnation) => {
    expect(() => socketPathOf(root, incarnation)).toThrow('is no incarnation id')
  })
})
