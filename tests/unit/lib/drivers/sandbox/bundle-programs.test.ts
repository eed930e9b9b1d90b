import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bundlePrograms } from '../../../../../lib/drivers/sandbox/bundle-programs.ts'

const root = path.resolve(import.meta.dirname, '../../../../..')
const standIns = {
  bridge: path.join(root, 'tests/fixtures/stand-in-bridge.ts'),
  runner: path.join(root, 'tests/fixtures/stand-in-runner.ts'),
}

describe('bundling the programs of the image', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-bundle-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('makes one file each, the same every time', async () => {
    const first = await bundlePrograms(standIns, root)
    expect([...first.keys()].sort()).toEqual(['bridge.cjs', 'runner.cjs'])
    expect(first.get('bridge.cjs')?.toString()).toContain('/run/berth-bridge/bridge.sock')
    expect(await bundlePrograms(standIns, root)).toEqual(first)
    const relay = path.join(root, 'container/relay/main.ts')
    expect([...(await bundlePrograms({ ...standIns, relay }, root)).keys()]).toContain('relay.cjs')
  })

  it('says file, line and reason when a program does not build', async () => {
    const wrong = path.join(folder, 'main.ts')
    await writeFile(wrong, 'const x = 1\nawait x\n')
    const error = await bundlePrograms({ ...standIns, bridge: wrong }, folder).catch((caught) => caught)
    expect(error).toMatchObject({
      code: 'image_missing',
      details: { logTail: ['main.ts:2: Top-level await is currently not supported with the "cjs" output format'] },
    })
  })
})
