import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { removeTree } from '../../../../../../lib/drivers/sandbox/process/remove-tree.ts'

let base: string
beforeEach(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-remove-'))
})
afterEach(() => rm(base, { recursive: true, force: true }))

const source = path.resolve(import.meta.dirname, '../../../../../../lib/drivers/sandbox/process/remove-tree.ts')

/** In a process that may not do what root may: for root a read-only folder is none. */
async function removeAsOrdinaryUser(folder: string): Promise<void> {
  const script = `import(${JSON.stringify(source)}).then(({ removeTree }) => removeTree(${JSON.stringify(folder)}))`
  const node = [process.execPath, '-e', script]
  const [command = '', ...args] =
    process.getuid?.() === 0 ? ['setpriv', '--bounding-set', '-dac_override,-dac_read_search', ...node] : node
  await promisify(execFile)(command, args)
}

it('removes folders that were made read-only, and nothing that a link in them leads to', async () => {
  const outside = path.join(base, 'outside')
  await mkdir(outside)
  await writeFile(path.join(outside, 'kept.txt'), 'kept')
  const cache = path.join(base, 'tree', 'cache', 'module@v1')
  await mkdir(cache, { recursive: true })
  await writeFile(path.join(cache, 'file.txt'), 'x')
  await symlink(outside, path.join(cache, 'link'))
  for (const folder of [cache, path.dirname(cache), outside]) await chmod(folder, 0o555)
  await removeAsOrdinaryUser(path.join(base, 'tree'))
  const left = await promisify(execFile)('find', [base, '-mindepth', '1', '-printf', '%P %m\n'])
  await chmod(outside, 0o755)
  expect(left.stdout.trim().split('\n').toSorted()).toEqual(['outside 555', 'outside/kept.txt 644'])
})

it('has nothing to do where nothing is', async () => {
  await removeTree(path.join(base, 'none'))
})
