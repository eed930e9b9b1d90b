import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createOutputFiles, type OutputFilesOptions } from '../../../../../container/runner/workspace/output-files.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'berth-outputs-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

function write(text: string, options: Omit<OutputFilesOptions, 'directory'> = {}): string {
  const file = createOutputFiles({ directory, ...options }).open()
  if (file === null) throw new Error('no file was made')
  for (const piece of text.match(/.{1,4}/gs) ?? []) file.append(piece)
  file.close()
  return file.path
}

describe('output files', () => {
  it('hold what was appended, up to their limit, and say where they end', () => {
    expect(readFileSync(write('one two'), 'utf8')).toBe('one two')
    const cut = readFileSync(write('0123456789', { maxFileBytes: 9 }), 'utf8')
    expect(cut).toBe('01234567\n[The file ends here: it has reached 9 bytes.]\n')
  })

  it('are pruned, the oldest first, by number and by size; what is not theirs stays', () => {
    writeFileSync(path.join(directory, 'notes.txt'), 'mine')
    const made = ['a', 'b', 'c', 'd'].map((text, index) => {
      const file = write(text, { maxFiles: 100 })
      utimesSync(file, 1_000 + index, 1_000 + index)
      return file
    })
    const last = write('e', { maxFiles: 3 })
    expect(made.map((file) => existsSync(file))).toEqual([false, false, true, true])
    const bySize = write('f', { maxFileBytes: 10, maxTotalBytes: 11 })
    expect(readdirSync(directory).sort()).toEqual([path.basename(last), path.basename(bySize), 'notes.txt'].sort())
  })

  it('are done without where none can be made', () => {
    const blocked = path.join(directory, 'file')
    writeFileSync(blocked, '')
    expect(createOutputFiles({ directory: path.join(blocked, 'outputs') }).open()).toBeNull()
  })
})
