import { text } from 'node:stream/consumers'
import { extract } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { hashContext, packContext } from '../../../../../../../lib/drivers/sandbox/docker/image/build-context.ts'

const file = (path: string, content: string, mode = 0o644) => ({ path, mode, content: Buffer.from(content) })

describe('what goes into a build', () => {
  it('has the same hash in whatever order it was read', () => {
    const [a, b] = [file('a', '1'), file('b', '2')]
    expect(hashContext(['v'], [a, b])).toBe(hashContext(['v'], [b, a]))
  })

  it('has another hash when a name, a mode, a content or a version differs', () => {
    const hashes = [
      hashContext(['v'], [file('a', '1')]),
      hashContext(['w'], [file('a', '1')]),
      hashContext(['v'], [file('b', '1')]),
      hashContext(['v'], [file('a', '1', 0o755)]),
      hashContext(['v'], [file('a', '2')]),
      hashContext(['v', ''], [file('a', '1')]),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('is packed with its modes, and with folders that are empty', async () => {
    const entries: unknown[] = []
    const unpack = extract()
    packContext([file('bin/tool', 'x', 0o755)], ['ca']).pipe(unpack)
    for await (const entry of unpack) {
      entries.push([entry.header.name, entry.header.type, entry.header.mode, await text(entry)])
    }
    expect(entries).toEqual([
      ['ca/', 'directory', 0o755, ''],
      ['bin/tool', 'file', 0o755, 'x'],
    ])
  })
})
