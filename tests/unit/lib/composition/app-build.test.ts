import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashSources } from '../../../../lib/composition/app-build.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'berth-sources-'))
  await write('app/page.tsx', 'page')
  await write('next.config.ts', 'config')
})
afterEach(() => rm(root, { recursive: true }))

async function write(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true })
  await writeFile(path.join(root, file), content)
}

describe('hashSources', () => {
  it.each([
    'app/agents/new/page.tsx',
    'lib/http/handle.ts',
    'next.config.ts',
    'package-lock.json',
    'prisma/schema.prisma',
  ])('changes with %s', async (file) => {
    const before = await hashSources(root)
    expect(await hashSources(root)).toBe(before)
    await write(file, 'changed')
    expect(await hashSources(root)).not.toBe(before)
  })

  it.each(['lib/store/generated/client.ts', 'tests/unit/a.test.ts', 'README.md'])(
    'does not change with %s',
    async (file) => {
      const before = await hashSources(root)
      await write(file, 'changed')
      expect(await hashSources(root)).toBe(before)
    },
  )

  it('tells a renamed file from one that stayed', async () => {
    const before = await hashSources(root)
    await rm(path.join(root, 'app/page.tsx'))
    await write('app/other.tsx', 'page')
    expect(await hashSources(root)).not.toBe(before)
  })
})
