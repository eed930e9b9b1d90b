import { cp, mkdir, mkdtemp, realpath, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readIdentity, refuseAnother, wasMoved } from '../../../../lib/composition/identity.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'

let base = ''
const original = () => path.join(base, 'original')
const other = () => path.join(base, 'other')

beforeEach(async () => {
  base = await realpath(await mkdtemp(path.join(tmpdir(), 'berth-identity-')))
  // Where an ordinary user's embedded database lies.
  await mkdir(path.join(original(), 'postgres', 'data'), { recursive: true })
})
afterEach(() => rm(base, { recursive: true }))

const readServer = () => expect.fail('There is no server to ask.')
const identityOf = (dataDirectory: string, secretKey = 'k'.repeat(64)) =>
  readIdentity({ databaseUrl: null, dataDirectory, secretKey }, { readServer })
const refuse = (kept: Awaited<ReturnType<typeof identityOf>>, own: Awaited<ReturnType<typeof identityOf>>) => () =>
  refuseAnother({ kept, own, dataDirectory: original() })

describe('an installation with the embedded database', () => {
  it('is itself, start after start', async () => {
    expect(refuse(await identityOf(original()), await identityOf(original()))).not.toThrow()
  })

  it('is not its copy, which is told both places and what can be done', async () => {
    const kept = await identityOf(original())
    await cp(original(), other(), { recursive: true })
    const own = await identityOf(other())
    expect(wasMoved(kept, own)).toBe(false)
    expect(refuse(kept, own)).toThrow(StartRefused)
    expect(refuse(kept, own)).toThrow(`${original()}/postgres/data`)
    expect(refuse(kept, own)).toThrow(`is ${other()}/postgres/data`)
    expect(refuse(kept, own)).toThrow('npm run installation -- separate')
  })

  it('is itself when its folder was moved: nothing of it is left where it was', async () => {
    const kept = await identityOf(original())
    await rename(original(), other())
    expect(wasMoved(kept, await identityOf(other()))).toBe(true)
  })

  it('is not moved by being on another machine, where nothing can be seen of the first', async () => {
    const kept = await identityOf(original())
    await rename(original(), other())
    const elsewhere = { ...kept, place: kept.place.replace(/"machine":"[^"]*"/, '"machine":"another"') }
    expect(wasMoved(elsewhere, await identityOf(other()))).toBe(false)
  })

  it('is refused with another secret key, of which nothing is said', async () => {
    const kept = await identityOf(original())
    const own = await identityOf(original(), 'o'.repeat(64))
    expect(refuse(kept, own)).toThrow('BERTH_SECRET_KEY')
    expect(JSON.stringify([kept, own])).not.toMatch(/kkk|ooo/)
  })
})
