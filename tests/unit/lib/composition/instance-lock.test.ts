import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  AlreadyRunning,
  findInstance,
  takeCommandTurn,
  takeInstanceLock,
} from '../../../../lib/composition/instance-lock.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-instance-'))
})
afterEach(() => rm(folder, { recursive: true }))

const never = new AbortController().signal
const isSettled = async (promise: Promise<unknown>) => {
  const pending = Symbol('pending')
  const later = new Promise((resolve) => setImmediate(() => resolve(pending)))
  return (await Promise.race([promise, later])) !== pending
}

describe('a data folder that cannot be made', () => {
  it('keeps a control plane and a command from starting, in words', async () => {
    await writeFile(path.join(folder, 'file'), '')
    const file = path.join(folder, 'file')
    const words = `The data folder cannot be used: ${file} is a file, and a folder must be there. Move it away, or name another folder in BERTH_DATA_DIR.`
    for (const take of [takeInstanceLock, takeCommandTurn]) {
      for (const data of [file, path.join(file, 'data')]) {
        const error = await take(data, never).catch((reason: unknown) => reason)
        expect(error).toBeInstanceOf(StartRefused)
        expect(error).toMatchObject({ message: words })
      }
    }
  })
})

describe('findInstance', () => {
  it('tells where a control plane is, and leaves the folder as it was', async () => {
    expect(await findInstance(folder)).toBeNull()
    expect(await findInstance(path.join(folder, 'never made'))).toBeNull()
    expect(await readdir(folder)).toEqual([])
    const lock = await takeInstanceLock(folder, never)
    expect(await findInstance(folder)).toEqual({ pid: process.pid, url: null })
    await lock.tellAddress('http://127.0.0.1:3000')
    expect(await findInstance(folder)).toEqual({ pid: process.pid, url: 'http://127.0.0.1:3000' })
    await lock.release()
    expect(await findInstance(folder)).toBeNull()
  })

  it('takes neither a command nor a lock that outlived its process for a control plane', async () => {
    const turn = await takeCommandTurn(folder, never)
    expect(await findInstance(folder)).toBeNull()
    if (turn.kind === 'alone') await turn.release()
    const note = { purpose: 'server', url: 'http://gone' }
    await writeFile(
      path.join(folder, 'berth.lock'),
      JSON.stringify({ pid: process.pid, startedAt: 'another boot', note }),
    )
    expect(await findInstance(folder)).toBeNull()
  })
})

describe('takeInstanceLock', () => {
  it('tells a second control plane where the first one is', async () => {
    const lock = await takeInstanceLock(folder, never)
    await expect(takeInstanceLock(folder, never)).rejects.toThrow(
      `Berth is already starting on this data folder (process ${process.pid}).`,
    )
    await lock.tellAddress('http://127.0.0.1:3000')
    const refused: unknown = await takeInstanceLock(folder, never).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(AlreadyRunning)
    expect(refused).toMatchObject({
      url: 'http://127.0.0.1:3000',
      message: `Berth is already running: http://127.0.0.1:3000 (process ${process.pid}).`,
    })
  })

  it('waits for one that is ending', async () => {
    const first = await takeInstanceLock(folder, never)
    await first.tellEnding()
    const second = takeInstanceLock(folder, never)
    expect(await isSettled(second)).toBe(false)
    await first.release()
    expect(await second).toBeDefined()
  })

  it('waits for a command that is at work, and can be given up', async () => {
    const turn = await takeCommandTurn(folder, never)
    expect(turn.kind).toBe('alone')
    const giveUp = new AbortController()
    const waiting = takeInstanceLock(folder, giveUp.signal)
    giveUp.abort()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    if (turn.kind === 'alone') await turn.release()
    expect(await takeInstanceLock(folder, never)).toBeDefined()
  })
})

describe('takeCommandTurn', () => {
  it('works beside a control plane whose database is open, and waits until it is', async () => {
    const lock = await takeInstanceLock(folder, never)
    const turn = takeCommandTurn(folder, never)
    expect(await isSettled(turn)).toBe(false)
    await lock.tellDatabaseReady()
    expect(await turn).toEqual({ kind: 'beside', url: null })
    await lock.tellAddress('http://127.0.0.1:3000')
    expect(await takeCommandTurn(folder, never)).toEqual({ kind: 'beside', url: 'http://127.0.0.1:3000' })
  })
})
