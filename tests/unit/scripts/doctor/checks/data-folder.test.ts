import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type DataFolderFacts,
  judgeDataFolder,
  readDataFolder,
} from '../../../../../scripts/doctor/checks/data-folder.ts'

const facts: DataFolderFacts = {
  path: '/d',
  folder: { isDirectory: true, uid: 1000, mode: 0o700 },
  existing: '/d',
  isWritable: true,
  uid: 1000,
  hasDatabase: false,
  secretMode: 0o600,
}

describe('judgeDataFolder', () => {
  it("is content with this user's own, and with one that will be made", () => {
    expect(judgeDataFolder(facts)).toEqual([{ severity: 'ok', found: "/d, this user's alone" }])
    expect(judgeDataFolder({ ...facts, folder: null, existing: '/' })).toEqual([
      { severity: 'ok', found: '/d, made at the first start' },
    ])
  })

  it.each<[Partial<DataFolderFacts>, string, string]>([
    [
      { folder: { isDirectory: false, uid: 1000, mode: 0o600 } },
      '/d is a file',
      'Move it away, or name another folder in BERTH_DATA_DIR.',
    ],
    [
      { folder: null, existing: '/', isWritable: false },
      '/d cannot be made: / cannot be written',
      'Let this user write there, or name another folder in BERTH_DATA_DIR.',
    ],
    [
      { folder: { isDirectory: true, uid: 0, mode: 0o700 }, isWritable: false },
      '/d cannot be written: it belongs to user id 0, and this is 1000',
      "If Berth made it: sudo chown -R 1000 '/d' && chmod u+rwx '/d'. Else name another folder in BERTH_DATA_DIR.",
    ],
  ])('blocks where nothing can be written: %o', (change, found, advice) => {
    expect(judgeDataFolder({ ...facts, ...change })).toEqual([
      { severity: 'problem', found, advice, because: 'the data folder cannot be written' },
    ])
  })

  it('warns when others can look in, and when root would use another database than the one in it', () => {
    const open = { ...facts, folder: { isDirectory: true, uid: 1000, mode: 0o755 }, secretMode: 0o644 }
    expect(judgeDataFolder(open)).toEqual([
      {
        severity: 'warning',
        found: '/d can be entered by others (mode 755); secrets lie in it',
        advice: "chmod 700 '/d'",
      },
      {
        severity: 'warning',
        found: 'The secret key can be read by others (mode 644)',
        advice: "chmod 600 '/d/secrets/secret-key'",
      },
    ])
    expect(judgeDataFolder({ ...facts, uid: 0, hasDatabase: true })).toEqual([
      expect.objectContaining({
        severity: 'warning',
        found: '/d holds the database of an ordinary user (id 1000); as root another one is used',
      }),
    ])
  })
})

describe('readDataFolder', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'berth-data-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('looks, and makes nothing', async () => {
    const planned = path.join(folder, 'not yet/data')
    expect(await readDataFolder(planned)).toMatchObject({
      path: planned,
      folder: null,
      existing: folder,
      isWritable: true,
    })
    expect(await readdir(folder)).toEqual([])
  })

  it('sees the modes of what is there', async () => {
    await chmod(folder, 0o750)
    await mkdir(path.join(folder, 'secrets'))
    await writeFile(path.join(folder, 'secrets/secret-key'), 'x', { mode: 0o640 })
    await mkdir(path.join(folder, 'postgres/data'), { recursive: true })
    expect(await readDataFolder(folder)).toMatchObject({
      folder: { isDirectory: true, uid: process.getuid?.(), mode: 0o750 },
      isWritable: true,
      hasDatabase: true,
      secretMode: 0o640,
    })
  })
})
