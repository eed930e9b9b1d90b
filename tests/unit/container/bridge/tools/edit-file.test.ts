import { chmodSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { editFile } from '../../../../../container/bridge/tools/edit-file.ts'
import { readFile } from '../../../../../container/bridge/tools/read-file.ts'
import { writeFile } from '../../../../../container/bridge/tools/write-file.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

const edit = (old_string: string, new_string: string, more: Record<string, unknown> = {}) =>
  rig.call(editFile, { path: 'a.txt', old_string, new_string, ...more })

describe('edit_file, exactly', () => {
  it('replaces the one place, reports the change, and keeps the mode', async () => {
    rig.write('a.txt', 'one\ntwo\nthree\n')
    chmodSync(path.join(rig.root, 'a.txt'), 0o755)
    expect(await edit('two', '2')).toMatchObject({ outcome: 'ok', output: 'Edited a.txt in 1 place: +1 -1 lines' })
    expect(rig.content('a.txt')).toBe('one\n2\nthree\n')
    expect(statSync(path.join(rig.root, 'a.txt')).mode & 0o777).toBe(0o755)
    expect(rig.events).toMatchObject([
      {
        type: 'file_change',
        data: { change: 'modified', diff: '--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n' },
      },
    ])
  })

  it('takes the new text as it is, never as a pattern', async () => {
    rig.write('a.txt', 'price: X\n')
    await edit('X', "$& $1 $$ $` $'")
    expect(rig.content('a.txt')).toBe("price: $& $1 $$ $` $'\n")
  })

  it('refuses a text that is there more than once, naming the lines, unless all are meant', async () => {
    rig.write('a.txt', 'x = 1\ny = 2\nx = 1\n')
    expect(await edit('x = 1', 'x = 3')).toMatchObject({
      outcome: 'error',
      output: expect.stringContaining('old_string is there 2 times, in lines 1, 3.'),
    })
    expect(rig.content('a.txt')).toBe('x = 1\ny = 2\nx = 1\n')
    expect((await edit('x = 1', 'x = 3', { replace_all: true })).output).toContain('in 2 places')
    expect(rig.content('a.txt')).toBe('x = 3\ny = 2\nx = 3\n')
  })

  it('makes several edits one after the other, or none of them', async () => {
    rig.write('a.txt', 'one\ntwo\n')
    const edits = [
      { old_string: 'one', new_string: 'three' },
      { old_string: 'three', new_string: 'four' },
    ]
    const failing = [...edits, { old_string: 'missing', new_string: 'x' }]
    const refused = await rig.call(editFile, { path: 'a.txt', edits: failing })
    expect(refused).toMatchObject({
      outcome: 'error',
      output: expect.stringMatching(/^Edit 3 of 3: .*Nothing was changed in a\.txt\.$/s),
    })
    expect(rig.content('a.txt')).toBe('one\ntwo\n')
    expect(rig.events).toEqual([])
    await rig.call(editFile, { path: 'a.txt', edits })
    expect(rig.content('a.txt')).toBe('four\ntwo\n')
  })

  it('refuses neither and both forms, an empty old_string, and an edit that changes nothing', async () => {
    rig.write('a.txt', 'one\n')
    const bad = [
      {},
      { old_string: 'one' },
      { old_string: 'one', new_string: 'x', edits: [{ old_string: 'a', new_string: 'b' }] },
    ]
    for (const input of bad) {
      expect((await rig.call(editFile, { path: 'a.txt', ...input })).output).toContain(
        'Give either old_string and new_string',
      )
    }
    expect((await edit('', 'x')).output).toContain('old_string is empty')
    expect((await edit('one', 'one')).output).toContain('are the same')
  })

  it('answers a missing file with near names and a binary one as such', async () => {
    rig.write('src/router.ts', 'x')
    rig.write('a.txt', Buffer.from([0, 1, 2]))
    const missing = await rig.call(editFile, { path: 'src/routr.ts', old_string: 'x', new_string: 'y' })
    expect(missing).toMatchObject({
      outcome: 'error',
      output: 'src/routr.ts does not exist. Did you mean src/router.ts?',
    })
    expect((await edit('x', 'y')).output).toContain('binary file')
  })
})

describe('edit_file, line ends and marks', () => {
  it('keeps CRLF, also in the lines it adds, when the model writes LF', async () => {
    rig.write('a.txt', 'one\r\ntwo\r\nthree\r\n')
    await edit('one\ntwo', 'one\n1.5\ntwo')
    expect(rig.content('a.txt')).toBe('one\r\n1.5\r\ntwo\r\nthree\r\n')
    await edit('three', 'three\nfour')
    expect(rig.content('a.txt')).toBe('one\r\n1.5\r\ntwo\r\nthree\r\nfour\r\n')
  })

  it('keeps LF when the model writes CRLF, and leaves lines it was not asked about alone', async () => {
    rig.write('a.txt', 'one\ntwo\nodd\r\nthree\n')
    await edit('one\r\ntwo', '1\r\n2')
    expect(rig.content('a.txt')).toBe('1\n2\nodd\r\nthree\n')
  })

  it('keeps the byte order mark', async () => {
    rig.write('a.txt', '\uFEFFone\n')
    await edit('one\n', 'two\n')
    expect(rig.content('a.txt')).toBe('\uFEFFtwo\n')
  })
})

describe('edit_file, by whole lines', () => {
  it('finds lines that differ in white space at their ends only, says so, and indents as they were', async () => {
    rig.write('a.txt', 'function a() {\n    if (x) {\n        go()   \n    }\n}\n')
    const result = await edit('if (x) {\n    go()\n}', 'if (y) {\n    go()\n    stop()\n}')
    expect(result.output).toBe(
      'Edited a.txt in 1 place: +3 -2 lines\nold_string was not there exactly; the only lines that are the same but for ' +
        'white space at their ends were replaced (lines 2 to 4), and the new lines were indented as those were.',
    )
    expect(rig.content('a.txt')).toBe('function a() {\n    if (y) {\n        go()\n        stop()\n    }\n}\n')
  })

  it('refuses when there is more than one such place', async () => {
    rig.write('a.txt', '  go( 1 )\n  end\n    go( 1 )\n    end\n')
    const result = await edit('\tgo( 1 )\n\tend', 'x', { replace_all: true })
    expect(result).toMatchObject({
      outcome: 'error',
      output: expect.stringContaining('it is there 2 times, from lines 1, 3.'),
    })
    expect(rig.content('a.txt')).toBe('  go( 1 )\n  end\n    go( 1 )\n    end\n')
  })

  it('takes no block by its first and last line alone, and no part of a line', async () => {
    rig.write('a.txt', '  begin\n  middle\n  end\n')
    expect(await edit('begin\nother\nend', 'x')).toMatchObject({ outcome: 'error' })
    expect(await edit(' begin \n midd', 'x')).toMatchObject({ outcome: 'error' })
    expect(rig.content('a.txt')).toBe('  begin\n  middle\n  end\n')
  })

  it('keeps the line end of the last line it replaces', async () => {
    rig.write('a.txt', '  one\r\n  two\r\n  three\r\n')
    await edit('one\ntwo', '1\n2')
    expect(rig.content('a.txt')).toBe('  1\r\n  2\r\n  three\r\n')
  })

  it('quotes the nearest lines with their numbers when nothing fits', async () => {
    rig.write('a.txt', 'import x\n\nfunction greet(name) {\n  return "Hello, " + name\n}\n')
    const { output } = await edit('function greet(person) {\n  return "Hi, " + person\n}', 'x')
    expect(output).toContain('     3\tfunction greet(name) {\n     4\t  return "Hello, " + name\n')
    expect((await edit('zebra', 'x')).output).toContain('Nothing in it comes near')
  })
})

describe('edit_file and others', () => {
  it('makes calls for the same file one after the other: none is lost', async () => {
    rig.write('a.txt', Array.from({ length: 20 }, (_, index) => `<${index}>\n`).join(''))
    const calls = Array.from({ length: 20 }, (_, index) =>
      rig.call(editFile, { path: index % 2 ? 'a.txt' : './a.txt', old_string: `<${index}>`, new_string: `(${index})` }),
    )
    for (const result of await Promise.all(calls)) expect(result.outcome).toBe('ok')
    expect(rig.content('a.txt')).not.toContain('<')
  })

  it('writes nothing over a change that came in between', async () => {
    rig.write('a.txt', 'one\n')
    const { workspace } = rig.context
    rig.context.workspace = {
      ...workspace,
      async readFile(...args) {
        const file = await workspace.readFile(...args)
        rig.write('a.txt', 'one, and more\n')
        return file
      },
    }
    expect(await edit('one', 'two')).toMatchObject({
      outcome: 'error',
      output: expect.stringContaining('changed while it was edited'),
    })
    expect(rig.content('a.txt')).toBe('one, and more\n')
  })

  it('lets write_file overwrite what it has edited, for the model knows it', async () => {
    rig.write('a.txt', 'one\n')
    await rig.call(readFile, { path: 'a.txt' })
    await edit('one', 'two')
    expect(await rig.call(writeFile, { path: 'a.txt', content: 'three\n' })).toMatchObject({ outcome: 'ok' })
  })
})

describe('the syntax check after an edit', () => {
  it.each([
    ['a.json', '{"a": 1}', '1}', '1,}', /JSON\.parse: /],
    ['a.mjs', 'export const a = 1\n', '= 1', '= (1', /a\.mjs:\d[\s\S]*SyntaxError/],
    ['a.js', 'const a = 1\n', '= 1', '= (1', /SyntaxError/],
  ])('of %s complains in the result, and the edit stands', async (file, before, from, to, complaint) => {
    rig.write(file, before)
    const result = await rig.call(editFile, { path: file, old_string: from, new_string: to })
    expect(result).toMatchObject({ outcome: 'ok', output: expect.stringMatching(complaint) })
    expect(result.output).not.toMatch(/Node\.js v|Traceback/)
    expect(rig.content(file)).toBe(before.replace(from, () => to))
  })

  it.each([
    ['good JSON', 'a.json', '{"a": 1}', '1}', '2}'],
    ['JSON with comments, as it was before', 'tsconfig.json', '// x\n{"a": 1}', '1}', '2}'],
    ['good module', 'a.js', 'import a from "a"\nexport default 1\n', '1', '2'],
    ['JSX in a .js file', 'a.js', 'const a = <b>1</b>\n', '1', '2'],
    ['another language', 'a.ts', 'const a = 1', '1', '('],
  ])('says nothing of %s', async (_, file, before, from, to) => {
    rig.write(file, before)
    const { output } = await rig.call(editFile, { path: file, old_string: from, new_string: to })
    expect(output).toBe(`Edited ${file} in 1 place: +1 -1 lines`)
  })
})
