import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readFile } from '../../../../../container/bridge/tools/read-file.ts'
import { writeFile } from '../../../../../container/bridge/tools/write-file.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

describe('write_file', () => {
  it('makes a file and its folders, and reports it as an added file', async () => {
    const result = await rig.call(writeFile, { path: 'a/b/c.txt', content: 'one\ntwo\n' })
    expect(result).toMatchObject({ outcome: 'ok', output: 'Created a/b/c.txt: +2 -0 lines' })
    expect(rig.content('a/b/c.txt')).toBe('one\ntwo\n')
    expect(rig.events).toEqual([
      {
        type: 'file_change',
        data: {
          path: 'a/b/c.txt',
          change: 'added',
          additions: 2,
          deletions: 0,
          diff: '--- /dev/null\n+++ b/a/b/c.txt\n@@ -0,0 +1,2 @@\n+one\n+two\n',
          truncated: false,
          toolCallId: 'call-1',
        },
      },
    ])
  })

  it('refuses to overwrite what was not read, and changes nothing', async () => {
    rig.write('a.txt', 'old')
    const result = await rig.call(writeFile, { path: 'a.txt', content: 'new' })
    expect(result).toMatchObject({ outcome: 'error', output: expect.stringContaining('was not read') })
    expect(rig.content('a.txt')).toBe('old')
    expect(rig.events).toEqual([])
  })

  it('refuses to overwrite what has changed since it was read', async () => {
    rig.write('a.txt', 'old')
    await rig.call(readFile, { path: 'a.txt' })
    rig.write('a.txt', 'changed by somebody')
    const result = await rig.call(writeFile, { path: 'a.txt', content: 'new' })
    expect(result).toMatchObject({ outcome: 'error', output: expect.stringContaining('has changed since') })
    expect(rig.content('a.txt')).toBe('changed by somebody')
  })

  it('overwrites what was read, also by another name for the same file, and again what it wrote itself', async () => {
    rig.write('a.txt', 'old\n')
    await rig.call(readFile, { path: path.join(rig.root, 'a.txt') })
    expect(await rig.call(writeFile, { path: './a.txt', content: 'new\n' })).toMatchObject({ outcome: 'ok' })
    expect(await rig.call(writeFile, { path: 'a.txt', content: 'newer\n' })).toMatchObject({ outcome: 'ok' })
    expect(rig.content('a.txt')).toBe('newer\n')
    expect(rig.events.map(({ data }) => data.change)).toEqual(['modified', 'modified'])
  })

  it('of two calls at once for the same new file lets one win', async () => {
    const calls = ['one', 'two'].map((content) => rig.call(writeFile, { path: 'a.txt', content }))
    const outcomes = (await Promise.all(calls)).map(({ outcome }) => outcome)
    expect(outcomes.sort()).toEqual(['error', 'ok'])
  })

  it('bounds the diff of a large change and says so, with the whole counts', async () => {
    await rig.call(writeFile, { path: 'big.txt', content: 'line of text\n'.repeat(5_000) })
    const data = rig.events[0]?.data
    expect(data).toMatchObject({ additions: 5_000, truncated: true })
    expect(String(data?.diff).length).toBeLessThanOrEqual(20_000)
  })

  it('refuses a folder and a path outside', async () => {
    mkdirSync(path.join(rig.root, 'folder'))
    expect((await rig.call(writeFile, { path: 'folder', content: '' })).output).toContain('is a directory')
    expect((await rig.call(writeFile, { path: '../x', content: '' })).output).toContain('outside the workspace')
  })
})
