import { mkdirSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readFile } from '../../../../../container/bridge/tools/read-file.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}\n`).join('')

describe('read_file', () => {
  it('numbers lines from 1, says how many there are, and remembers what was read', async () => {
    rig.write('a.txt', 'one\r\ntwo\n\nfour')
    const { output, outcome } = await rig.call(readFile, { path: 'a.txt' })
    expect(outcome).toBe('ok')
    expect(output).toBe('     1\tone\n     2\ttwo\n     3\t\n     4\tfour\n(lines 1 to 4 of 4)')
    expect(rig.context.reads.lastSeen('a.txt')).toMatch(/^[0-9a-f]{64}$/)
  })

  it('reads 2,000 lines at once and says how to go on', async () => {
    rig.write('long.txt', numbered(2_500))
    const first = await rig.call(readFile, { path: 'long.txt', limit: 5_000 })
    expect(first.output).toMatch(/\(lines 1 to 2000 of 2500; use offset=2001 to continue\)$/)
    const second = await rig.call(readFile, { path: 'long.txt', offset: 2_001 })
    expect(second.output).toMatch(/^ {2}2001\tline 2001\n/)
    expect(second.output).toMatch(/\(lines 2001 to 2500 of 2500\)$/)
    const piece = await rig.call(readFile, { path: 'long.txt', offset: 3, limit: 2 })
    expect(piece.output).toBe('     3\tline 3\n     4\tline 4\n(lines 3 to 4 of 2500; use offset=5 to continue)')
    expect(await rig.call(readFile, { path: 'long.txt', offset: 2_501 })).toEqual({
      outcome: 'error',
      output: 'long.txt has 2500 lines; offset=2501 is behind its end.',
    })
  })

  it('cuts a line at 2,000 characters and an answer at 50 KB, and says so', async () => {
    rig.write('wide.txt', `${'x'.repeat(5_000)}\n`.repeat(40))
    const { output } = await rig.call(readFile, { path: 'wide.txt' })
    expect(output).toContain(`\t${'x'.repeat(2_000)} [line cut here, it has 5000 characters]\n`)
    expect(Buffer.byteLength(output)).toBeLessThan(50 * 1024 + 200)
    expect(output).toMatch(/\(lines 1 to 25 of 40; use offset=26 to continue\)$/)
  })

  it('names a binary file as one', async () => {
    rig.write('a.png', Buffer.from('89504e470d0a1a0a0000', 'hex'))
    rig.write('latin.txt', Buffer.from([0x61, 0xe4, 0x62]))
    expect((await rig.call(readFile, { path: 'a.png' })).output).toBe(
      'a.png is a binary file (PNG image, 10 bytes); only text can be read.',
    )
    expect(await rig.call(readFile, { path: 'latin.txt' })).toMatchObject({ outcome: 'error' })
  })

  it('answers a missing path with near names, a folder and a path outside with what to do', async () => {
    rig.write('src/router.ts', '')
    mkdirSync(path.join(rig.root, 'folder'))
    symlinkSync('/etc/passwd', path.join(rig.root, 'passwd'))
    expect(await rig.call(readFile, { path: 'src/ruoter.ts' })).toMatchObject({
      outcome: 'error',
      output: 'src/ruoter.ts does not exist. Did you mean src/router.ts?',
    })
    expect((await rig.call(readFile, { path: 'nothing-like-it.py' })).output).toBe(
      'nothing-like-it.py does not exist. find_files finds files by name.',
    )
    expect((await rig.call(readFile, { path: 'folder' })).output).toBe(
      'folder is a directory; list_directory shows what is in it.',
    )
    expect((await rig.call(readFile, { path: 'passwd' })).output).toContain('passwd is outside the workspace')
  })

  it('reads a file too large to come whole in pieces', async () => {
    rig.write('-huge.log', numbered(1_000_000))
    const { output } = await rig.call(readFile, { path: '-huge.log', offset: 900_000, limit: 3 })
    expect(output).toBe(
      '900000\tline 900000\n900001\tline 900001\n900002\tline 900002\n' +
        '(lines 900000 to 900002 of a file of 11888896 bytes; use offset=900003 to continue)',
    )
    expect(rig.context.reads.lastSeen('-huge.log')).toBeNull()
    expect((await rig.call(readFile, { path: '-huge.log', offset: 2_000_000 })).output).toBe(
      '-huge.log has fewer than 2000000 lines.',
    )
  })

  it('says that an empty file is empty', async () => {
    rig.write('empty', '')
    expect((await rig.call(readFile, { path: 'empty' })).output).toBe('empty is empty.')
  })
})
