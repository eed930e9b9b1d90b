import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureInstanceId } from '../../../../lib/composition/instance-id.ts'

let base = ''
beforeEach(async () => {
  base = await mkdtemp(path.join(tmpdir(), 'berth-instance-'))
  await mkdir(path.join(base, 'data'))
})
afterEach(() => rm(base, { recursive: true }))

describe('the id of a control plane', () => {
  it('is that of its data folder, by whichever path it is called', async () => {
    const id = await ensureInstanceId(path.join(base, 'data'))
    await symlink(path.join(base, 'data'), path.join(base, 'link'))
    expect(await ensureInstanceId(path.join(base, 'data'))).toBe(id)
    expect(await ensureInstanceId(path.join(base, 'link'))).toBe(id)
  })

  it('is another one in a copy of the folder, and stays there', async () => {
    const id = await ensureInstanceId(path.join(base, 'data'))
    await cp(path.join(base, 'data'), path.join(base, 'copy'), { recursive: true })
    const own = await ensureInstanceId(path.join(base, 'copy'))
    expect(own).not.toBe(id)
    expect(await ensureInstanceId(path.join(base, 'copy'))).toBe(own)
    expect(await ensureInstanceId(path.join(base, 'data'))).toBe(id)
  })
})
