import { spawn } from 'node:child_process'
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { tryLock } from '../../../../lib/composition/file-lock.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-lock-'))
})
afterEach(() => rm(folder, { recursive: true }))

const lockModule = new URL('../../../../lib/composition/file-lock.ts', import.meta.url).href

/** A process that takes the lock, says so, and stays. */
async function startHolder(file: string) {
  const script = `const { tryLock } = await import(${JSON.stringify(lockModule)})
    const { lock } = await tryLock(${JSON.stringify(file)}, { url: 'http://other' })
    console.log(lock ? 'taken' : 'refused')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const said = await new Promise<string>((resolve) =>
    holder.stdout.once('data', (text) => resolve(String(text).trim())),
  )
  const ended = new Promise<void>((resolve) => holder.once('exit', () => resolve()))
  return {
    said,
    pid: holder.pid,
    async kill() {
      holder.kill('SIGKILL')
      await ended
    },
  }
}

describe('tryLock', () => {
  it('does not take a copy of a lock, made with its folder, for one that is held', async () => {
    const file = path.join(folder, 'original', 'a.lock')
    const { lock } = await tryLock(file, { url: 'http://here' })
    await cp(path.join(folder, 'original'), path.join(folder, 'copy'), { recursive: true })
    const copied = await tryLock(path.join(folder, 'copy', 'a.lock'), { url: 'http://copy' })
    expect(copied.lock).not.toBeNull()
    await symlink(path.join(folder, 'original'), path.join(folder, 'link'))
    expect((await tryLock(path.join(folder, 'link', 'a.lock'), {})).lock).toBeNull()
    await copied.lock?.release()
    await lock?.release()
  })

  it('gives the lock to one, and tells the next one who has it', async () => {
    const file = path.join(folder, 'lock')
    const first = await tryLock(file, { url: null })
    expect(first.lock).not.toBeNull()
    const second = await tryLock(file, {})
    expect(second).toEqual({ lock: null, holder: { pid: process.pid, note: { url: null } } })
    await first.lock?.tell({ url: 'http://here' })
    expect((await tryLock(file, {})).holder?.note).toEqual({ url: 'http://here' })
  })

  it('is free again after a release, and leaves no file behind', async () => {
    const file = path.join(folder, 'lock')
    const first = await tryLock(file, {})
    await first.lock?.release()
    await first.lock?.release()
    expect(await readdir(folder)).toEqual([])
    expect((await tryLock(file, {})).lock).not.toBeNull()
  })

  it('sees that another process has it, and takes it over when that one was killed', async () => {
    const file = path.join(folder, 'lock')
    const other = await startHolder(file)
    try {
      expect(other.said).toBe('taken')
      expect((await tryLock(file, {})).holder).toEqual({ pid: other.pid, note: { url: 'http://other' } })
    } finally {
      await other.kill()
    }
    expect((await tryLock(file, {})).lock).not.toBeNull()
    expect(await readdir(folder)).toEqual(['lock'])
  })

  it('is not fooled by another program that was given the number of a dead holder', async () => {
    const file = path.join(folder, 'lock')
    await (await tryLock(file, {})).lock?.tell({})
    const held = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ ...held, startedAt: 'an earlier boot 1' }))
    expect((await tryLock(file, {})).lock).not.toBeNull()
  })

  it('takes over a file that is no lock', async () => {
    const file = path.join(folder, 'lock')
    await writeFile(file, 'torn')
    expect((await tryLock(file, {})).lock).not.toBeNull()
  })

  it('lets exactly one of many in at the same time, also over a stale lock', async () => {
    const file = path.join(folder, 'lock')
    await writeFile(file, JSON.stringify({ pid: 2_000_000_000, startedAt: null, note: {} }))
    const attempts = await Promise.all(Array.from({ length: 20 }, () => tryLock(file, {})))
    expect(attempts.filter((attempt) => attempt.lock !== null)).toHaveLength(1)
  })
})
