import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { makeTestWorkspace, type TestWorkspace } from '../../../../support/local-workspace.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8')
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')

let test: TestWorkspace
beforeEach(async () => {
  test = await makeTestWorkspace()
})
afterEach(() => test.remove())

describe('paths', () => {
  it('are relative to the workspace, and shown so, also when given absolute', async () => {
    test.write('src/a.ts', 'a')
    expect((await test.workspace.stat('src/a.ts'))?.path).toBe('src/a.ts')
    expect((await test.workspace.stat(path.join(test.root, 'src/../src/a.ts')))?.path).toBe('src/a.ts')
    expect((await test.workspace.stat('.'))?.path).toBe('.')
  })

  it.each([
    ['a path with ..', '../outside/secret'],
    ['an absolute path', '/etc/passwd'],
    ['a folder whose name begins as the workspace', '../workspace-2/a'],
  ])('refuse %s that leaves the workspace', async (_, given) => {
    await expect(test.workspace.readFile(given, { maxBytes: 100 })).rejects.toMatchObject({ code: 'outside_workspace' })
    await expect(test.workspace.writeFile(given, Buffer.from('x'))).rejects.toMatchObject({ code: 'outside_workspace' })
    await expect(test.workspace.stat(given)).rejects.toMatchObject({ code: 'outside_workspace' })
    await expect(test.workspace.list(given)).rejects.toMatchObject({ code: 'outside_workspace' })
  })

  it('refuse a link that leads outside, to a file, a folder, or to what does not exist yet', async () => {
    writeFileSync(path.join(test.outside, 'secret'), 'secret')
    symlinkSync(path.join(test.outside, 'secret'), path.join(test.root, 'file-link'))
    symlinkSync(test.outside, path.join(test.root, 'folder-link'))
    symlinkSync(path.join(test.outside, 'new'), path.join(test.root, 'dangling'))
    symlinkSync('dangling', path.join(test.root, 'second'))
    for (const given of ['file-link', 'folder-link/secret', 'folder-link/made/here', 'dangling', 'second']) {
      const refused = { code: 'outside_workspace' }
      await expect(test.workspace.writeFile(given, Buffer.from('x')), given).rejects.toMatchObject(refused)
    }
    expect(readFileSync(path.join(test.outside, 'secret'), 'utf8')).toBe('secret')
    expect(readdirSync(test.outside)).toEqual(['secret'])
  })

  it('say where a link leads and what is allowed', async () => {
    symlinkSync(test.outside, path.join(test.root, 'link'))
    await expect(test.workspace.stat('link/x')).rejects.toThrow(
      `link/x is outside the workspace (it leads to ${test.outside}/x). Paths may lie in ${test.root}, ${test.outputDirectory}.`,
    )
  })

  it('report a loop of links as one', async () => {
    symlinkSync('two', path.join(test.root, 'one'))
    symlinkSync('one', path.join(test.root, 'two'))
    await expect(test.workspace.stat('one')).rejects.toThrow(/loop of symbolic links/)
  })

  it('may lie in the output folder', async () => {
    writeFileSync(path.join(test.outputDirectory, 'a.txt'), 'a')
    const file = await test.workspace.readFile(path.join(test.outputDirectory, 'a.txt'), { maxBytes: 10 })
    expect(file.path).toBe(path.join(test.outputDirectory, 'a.txt'))
  })
})

describe('readFile', () => {
  it('gives bytes and their SHA-256', async () => {
    test.write('a.txt', 'hello')
    const file = await test.workspace.readFile('a.txt', { maxBytes: 5 })
    expect(text(file.bytes)).toBe('hello')
    expect(file).toMatchObject({ path: 'a.txt', kind: 'file', size: 5, sha256: sha256('hello') })
  })

  it('throws too_large, is_directory and not_found by code', async () => {
    test.write('a.txt', 'hello')
    mkdirSync(path.join(test.root, 'folder'))
    await expect(test.workspace.readFile('a.txt', { maxBytes: 4 })).rejects.toMatchObject({ code: 'too_large' })
    await expect(test.workspace.readFile('folder', { maxBytes: 4 })).rejects.toMatchObject({ code: 'is_directory' })
    await expect(test.workspace.readFile('none', { maxBytes: 4 })).rejects.toMatchObject({ code: 'not_found' })
  })

  it('does not wait for the writer of a FIFO', async () => {
    execFileSync('mkfifo', [path.join(test.root, 'pipe')])
    await expect(test.workspace.readFile('pipe', { maxBytes: 4 })).rejects.toThrow('pipe is not a regular file.')
  })
})

describe('writeFile', () => {
  it('creates parents and says whether the file is new', async () => {
    expect(await test.workspace.writeFile('a/b/c.txt', Buffer.from('one'))).toEqual({
      sha256: sha256('one'),
      created: true,
    })
    expect(await test.workspace.writeFile('a/b/c.txt', Buffer.from('two'))).toEqual({
      sha256: sha256('two'),
      created: false,
    })
    expect(readFileSync(path.join(test.root, 'a/b/c.txt'), 'utf8')).toBe('two')
    expect(readdirSync(path.join(test.root, 'a/b'))).toEqual(['c.txt'])
  })

  it('keeps the mode, and replaces the file in one step', async () => {
    test.write('run.sh', 'old')
    chmodSync(path.join(test.root, 'run.sh'), 0o750)
    const inode = statSync(path.join(test.root, 'run.sh')).ino
    await test.workspace.writeFile('run.sh', Buffer.from('new'))
    const after = statSync(path.join(test.root, 'run.sh'))
    expect(after.mode & 0o7777).toBe(0o750)
    expect(after.ino).not.toBe(inode)
  })

  it('through a link inside writes the target and keeps the link', async () => {
    test.write('target.txt', 'old')
    symlinkSync('target.txt', path.join(test.root, 'link.txt'))
    symlinkSync('not-yet.txt', path.join(test.root, 'dangling.txt'))
    await test.workspace.writeFile('link.txt', Buffer.from('new'))
    await test.workspace.writeFile('dangling.txt', Buffer.from('made'))
    expect(readFileSync(path.join(test.root, 'target.txt'), 'utf8')).toBe('new')
    expect(readFileSync(path.join(test.root, 'not-yet.txt'), 'utf8')).toBe('made')
    expect((await test.workspace.list('.')).filter((entry) => entry.kind === 'link')).toHaveLength(2)
  })

  it('insists on the expected content, and changes nothing otherwise', async () => {
    test.write('a.txt', 'now')
    const write = (given: string, expect: string | null) =>
      test.workspace.writeFile(given, Buffer.from('next'), { expect })
    await expect(write('a.txt', sha256('before'))).rejects.toMatchObject({ code: 'conflict' })
    await expect(write('a.txt', null)).rejects.toMatchObject({ code: 'conflict' })
    await expect(write('gone.txt', sha256('before'))).rejects.toMatchObject({ code: 'conflict' })
    expect(readFileSync(path.join(test.root, 'a.txt'), 'utf8')).toBe('now')
    expect(existsSync(path.join(test.root, 'gone.txt'))).toBe(false)
    await write('a.txt', sha256('now'))
    await write('new.txt', null)
    expect(readFileSync(path.join(test.root, 'a.txt'), 'utf8')).toBe('next')
  })

  it('names the part of the path that is no folder', async () => {
    test.write('file', 'x')
    const refused = { code: 'not_a_directory' }
    await expect(test.workspace.writeFile('file/a.txt', Buffer.from('x'))).rejects.toMatchObject(refused)
    await expect(test.workspace.writeFile('file/b/a.txt', Buffer.from('x'))).rejects.toMatchObject(refused)
    await expect(test.workspace.writeFile('.', Buffer.from('x'))).rejects.toMatchObject({ code: 'is_directory' })
  })
})

describe('list and suggest', () => {
  it('lists names in order, with their kinds, links not followed', async () => {
    test.write('b.txt', 'bb')
    test.write('a/x', '')
    symlinkSync(test.outside, path.join(test.root, 'link'))
    const entries = await test.workspace.list('.')
    expect(entries.map(({ path, kind }) => [path, kind])).toEqual([
      ['a', 'directory'],
      ['b.txt', 'file'],
      ['link', 'link'],
    ])
    await expect(test.workspace.list('b.txt')).rejects.toMatchObject({ code: 'not_a_directory' })
    await expect(test.workspace.list('none')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('suggests near names, those in the same folder first, none when nothing is near', async () => {
    for (const file of ['src/router.ts', 'lib/router.ts', 'src/route.ts', 'README.md', 'node_modules/x/router.ts']) {
      test.write(file, '')
    }
    expect(await test.workspace.suggest('src/ruoter.ts', 2)).toEqual(['src/router.ts', 'lib/router.ts'])
    expect(await test.workspace.suggest('readme.MD', 3)).toEqual(['README.md'])
    expect(await test.workspace.suggest('completely-different.py', 3)).toEqual([])
  })
})
