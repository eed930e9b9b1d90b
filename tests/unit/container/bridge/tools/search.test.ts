import { execFileSync } from 'node:child_process'
import { existsSync, symlinkSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findFiles } from '../../../../../container/bridge/tools/find-files.ts'
import { listDirectory } from '../../../../../container/bridge/tools/list-directory.ts'
import { searchFiles } from '../../../../../container/bridge/tools/search-files.ts'
import { makeToolRig, type ToolRig } from '../../../../support/tool-rig.ts'

let rig: ToolRig
beforeEach(async () => {
  rig = await makeToolRig()
})
afterEach(() => rig.remove())

describe('search_files', () => {
  it('groups matches by file with their line numbers', async () => {
    rig.write('src/a.ts', 'const one = 1\nconst two = 2\n')
    rig.write('src/b.ts', 'let x\r\nconst three = 3\r\n')
    const { output } = await rig.call(searchFiles, { pattern: '^const' })
    expect(output).toBe(
      '3 matches.\n\nsrc/a.ts\n     1: const one = 1\n     2: const two = 2\n\nsrc/b.ts\n     2: const three = 3',
    )
  })

  it('leaves out what .gitignore names and .git itself, and finds hidden files', async () => {
    rig.git('init', '-q')
    rig.write('.gitignore', 'dist/\n')
    for (const file of ['dist/a.txt', '.github/a.yml', 'a.txt', '.git/a.txt']) rig.write(file, 'needle')
    for (const glob of [undefined, '*', '!*.md', '**/*.{txt,yml}']) {
      const { output } = await rig.call(searchFiles, { pattern: 'needle', glob })
      expect(output, glob).toBe('2 matches.\n\n.github/a.yml\n     1: needle\n\na.txt\n     1: needle')
    }
    expect((await rig.call(searchFiles, { pattern: 'needle', glob: 'dist/*' })).detail).toMatchObject({ matches: 0 })
  })

  it('heeds .gitignore also where there is no repository', async () => {
    rig.write('.gitignore', 'dist/\n')
    rig.write('dist/a.txt', 'needle')
    expect((await rig.call(searchFiles, { pattern: 'needle' })).detail).toMatchObject({ matches: 0 })
  })

  it('takes globs, case, plain text, one file and one folder', async () => {
    rig.write('src/a.ts', 'Needle (x)\n')
    rig.write('src/a.md', 'needle\n')
    rig.write('lib/a.ts', 'needle\n')
    const count = async (input: Record<string, unknown>) => (await rig.call(searchFiles, input)).detail?.matches
    expect(await count({ pattern: 'needle' })).toBe(2)
    expect(await count({ pattern: 'needle', ignore_case: true })).toBe(3)
    expect(await count({ pattern: 'needle', glob: '*.md' })).toBe(1)
    expect(await count({ pattern: 'needle', glob: '!*.md' })).toBe(1)
    expect(await count({ pattern: 'needle', path: 'lib' })).toBe(1)
    expect(await count({ pattern: 'needle', path: 'src/a.md' })).toBe(1)
    expect(await count({ pattern: 'needle', glob: './src/*' })).toBe(1)
    expect(await count({ pattern: 'needle', glob: '*.md', path: 'src' })).toBe(1)
    expect(await count({ pattern: '(x)', literal: true })).toBe(1)
    expect(await count({ pattern: 'nothing' })).toBe(0)
  })

  it('shows 100 matches and says that there are more; at 100 exactly it does not', async () => {
    rig.write('a.txt', 'needle\n'.repeat(100))
    expect((await rig.call(searchFiles, { pattern: 'needle' })).output).toMatch(/^100 matches\./)
    rig.write('b.txt', 'needle\n')
    const { output } = await rig.call(searchFiles, { pattern: 'needle' })
    expect(output).toMatch(/^The first 100 matches; there are more\./)
    expect(output.match(/needle/g)).toHaveLength(100)
  })

  it('ends a search that finds far too much, and cuts long lines', async () => {
    rig.write('big.txt', `${'needle '.repeat(500)}\n`.repeat(20_000))
    const { output, outcome } = await rig.call(searchFiles, { pattern: 'needle' })
    expect(outcome).toBe('ok')
    expect(output).toMatch(/^The first 100 matches/)
    expect(output.length).toBeLessThan(60_000)
  })

  it('never takes what the model gave for a flag', async () => {
    rig.write('a.txt', '--files\n--pre=touch made\n')
    rig.write('-e', 'text\n')
    expect((await rig.call(searchFiles, { pattern: '--files' })).output).toContain('     1: --files')
    expect((await rig.call(searchFiles, { pattern: '--pre=touch made' })).output).toContain('1 match.')
    expect((await rig.call(searchFiles, { pattern: 'text', path: '-e' })).output).toContain('1 match.')
    expect((await rig.call(searchFiles, { pattern: 'x', glob: '--pre=touch made' })).outcome).toBe('ok')
    expect((await rig.call(searchFiles, { pattern: 'x', glob: '$(touch made)`touch made`' })).outcome).toBe('ok')
    expect((await rig.call(searchFiles, { pattern: 'x', glob: '!--pre=touch made' })).outcome).toBe('ok')
    expect(existsSync(path.join(rig.root, 'made'))).toBe(false)
  })

  it('reads no configuration of ripgrep', async () => {
    rig.write('rc', '--files-with-matches\n')
    rig.write('a.txt', 'needle\n')
    const { workspace } = rig.context
    const env = { RIPGREP_CONFIG_PATH: path.join(rig.root, 'rc') }
    rig.context.workspace = { ...workspace, run: (request, options) => workspace.run({ ...request, env }, options) }
    expect((await rig.call(searchFiles, { pattern: 'needle', path: 'a.txt' })).output).toContain('     1: needle')
  })

  it('says what is wrong with a pattern or a path', async () => {
    rig.write('src/router.ts', '')
    expect(await rig.call(searchFiles, { pattern: '(' })).toMatchObject({
      outcome: 'error',
      output: expect.stringContaining('unclosed group'),
    })
    expect((await rig.call(searchFiles, { pattern: 'x', path: 'src/ruoter.ts' })).output).toContain(
      'Did you mean src/router.ts?',
    )
    expect((await rig.call(searchFiles, { pattern: 'x', path: '/etc' })).output).toContain('outside the workspace')
  })
})

describe('find_files', () => {
  it('finds by name anywhere or by path, the newest first', async () => {
    for (const [index, file] of ['src/a.test.ts', 'src/b.ts', 'lib/deep/c.test.ts'].entries()) {
      rig.write(file, '')
      utimesSync(path.join(rig.root, file), 1_000 + index, 1_000 + index)
    }
    expect((await rig.call(findFiles, { pattern: '*.test.ts' })).output).toBe(
      '2 files, the newest first.\nlib/deep/c.test.ts\nsrc/a.test.ts',
    )
    expect((await rig.call(findFiles, { pattern: 'src/**/*.ts' })).output).toBe(
      '2 files, the newest first.\nsrc/b.ts\nsrc/a.test.ts',
    )
    expect((await rig.call(findFiles, { pattern: '*.ts', path: 'lib' })).output).toContain('1 file,')
    expect((await rig.call(findFiles, { pattern: '*.go' })).output).toBe('No file matches *.go.')
  })

  it('leaves out what .gitignore names, and shows 100', async () => {
    rig.git('init', '-q')
    rig.write('.gitignore', 'dist\n*.tmp.txt\n')
    rig.write('dist/x.txt', '')
    rig.write('dist.tmp.txt', '')
    for (let index = 0; index < 101; index += 1) rig.write(`f/${index}.txt`, '')
    const { output } = await rig.call(findFiles, { pattern: '*.txt' })
    expect(output).toMatch(/^The 100 newest; there are more\.\n/)
    expect(output).not.toContain('dist')
  })

  it('looks in the output folder too', async () => {
    const { outputPath } = await rig.workspace.run({
      command: { line: 'seq 1 100' },
      timeoutMs: 5_000,
      maxOutputChars: 10,
    })
    const folder = path.dirname(outputPath ?? '')
    expect((await rig.call(findFiles, { pattern: '*.txt', path: folder })).output).toContain(outputPath)
    expect((await rig.call(searchFiles, { pattern: '^57$', glob: '*.txt', path: folder })).output).toContain('57: 57')
  })

  it('refuses a pattern that leaves files out', async () => {
    expect(await rig.call(findFiles, { pattern: '!*.ts' })).toMatchObject({ outcome: 'error' })
  })
})

describe('list_directory', () => {
  it('shows a tree to the depth asked for, without what git ignores, which it names', async () => {
    rig.git('init', '-q')
    rig.write('.gitignore', 'node_modules/\n*.log\n')
    for (const file of ['src/deep/deeper/x.ts', 'src/a.ts', 'node_modules/y/index.js', 'a.log', 'b/tracked.log']) {
      rig.write(file, 'abc')
    }
    rig.git('add', '-f', 'b/tracked.log')
    symlinkSync('src', path.join(rig.root, 'link'))
    expect((await rig.call(listDirectory, { path: '.' })).output).toBe(
      [
        './',
        '  .gitignore (20 bytes)',
        '  b/',
        '    tracked.log (3 bytes)',
        '  link (link)',
        '  src/',
        '    a.ts (3 bytes)',
        '    deep/',
        '(ignored by git: a.log, node_modules/)',
      ].join('\n'),
    )
    const deep = await rig.call(listDirectory, { path: 'src', depth: 3 })
    expect(deep.output).toBe('src/\n  a.ts (3 bytes)\n  deep/\n    deeper/\n      x.ts (3 bytes)')
  })

  it('is cut at 500 entries and says so', async () => {
    for (let index = 0; index < 510; index += 1) rig.write(`many/${index}.txt`, '')
    const { output } = await rig.call(listDirectory, { path: 'many' })
    expect(output.split('\n')).toHaveLength(502)
    expect(output).toMatch(/\(cut at 500 entries;/)
  })

  it('names an empty folder, a file, and a path that is not there', async () => {
    execFileSync('mkdir', [path.join(rig.root, 'empty')])
    rig.write('file', '')
    expect((await rig.call(listDirectory, { path: 'empty' })).output).toBe('empty/\n  (empty)')
    expect(await rig.call(listDirectory, { path: 'file' })).toMatchObject({
      outcome: 'error',
      output: expect.stringContaining('is not a directory'),
    })
    expect((await rig.call(listDirectory, { path: 'emty' })).output).toContain('Did you mean empty?')
  })
})
