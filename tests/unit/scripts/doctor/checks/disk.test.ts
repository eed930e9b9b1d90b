import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { type DiskFacts, judgeDisks, readDisk } from '../../../../../scripts/doctor/checks/disk.ts'

const GIB = 2 ** 30
const data: DiskFacts = { use: 'data', path: '/d', device: 1, freeBytes: 20 * GIB, freeFiles: 1e6, isUsable: true }
const engine: DiskFacts = { ...data, use: 'engine', path: '/e' }

describe('judgeDisks', () => {
  it('is one line for each disk', () => {
    expect(judgeDisks([data, engine, { ...data, use: 'temporary', path: '/t', device: 2 }])).toEqual([
      { severity: 'ok', found: "20.0 GiB free for the data folder (/d), the engine's images and volumes (/e)" },
      { severity: 'ok', found: '20.0 GiB free for temporary files (/t)' },
    ])
  })

  it.each<[DiskFacts, string]>([
    [{ ...data, freeBytes: GIB - 1 }, '1023 MiB free for the data folder (/d)'],
    [{ ...data, use: 'database', freeBytes: GIB / 2 }, '512 MiB free for the database (/d)'],
    [{ ...engine, freeBytes: 4 * GIB }, "4.0 GiB free for the engine's images and volumes (/e)"],
    [{ ...data, use: 'temporary', freeBytes: GIB / 4 }, '256 MiB free for temporary files (/d)'],
    [{ ...data, freeFiles: 12 }, '12 more files fit on the disk for the data folder (/d)'],
  ])('warns of a disk that will not last: %o', (disk, found) => {
    expect(judgeDisks([disk])).toEqual([expect.objectContaining({ severity: 'warning', found })])
  })

  it('warns of a folder for temporary files that is not there', () => {
    const temporary: DiskFacts = { ...data, use: 'temporary', path: '/t', isUsable: false }
    expect(judgeDisks([temporary])).toEqual([
      expect.objectContaining({ severity: 'ok' }),
      {
        severity: 'warning',
        found: 'No temporary file can be made in /t: images and pages cannot be built',
        advice: "Make it, and let this user write there: mkdir -p '/t'; or correct TMPDIR.",
      },
    ])
  })

  it('blocks for a full one, and says what can go elsewhere', () => {
    const full = { device: 1, freeBytes: 10 * 2 ** 20 }
    expect(
      judgeDisks([
        { ...data, ...full },
        { ...engine, ...full },
      ]),
    ).toEqual([
      {
        severity: 'problem',
        found: "10 MiB free for the data folder (/d), the engine's images and volumes (/e)",
        advice:
          'Free some space; or see what the engine holds: docker system df; put the data folder on another disk: BERTH_DATA_DIR.',
        because: 'a disk is full',
      },
    ])
  })
})

describe('readDisk', () => {
  it('looks at the disk on which a folder would be made, and at nothing that is not here', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'berth-disk-'))
    const [made, planned] = await Promise.all([folder, path.join(folder, 'a/b/c')].map((at) => readDisk('data', at)))
    await rm(folder, { recursive: true })
    expect(planned).toMatchObject({ device: made?.device, path: path.join(folder, 'a/b/c') })
    expect(made?.freeBytes).toBeGreaterThan(0)
    expect(planned?.isUsable).toBe(true)
    expect(await readDisk('engine', path.join(folder, 'gone'))).toBeNull()
    expect(await readDisk('temporary', path.join(folder, 'gone'))).toMatchObject({ isUsable: false })
  })
})
