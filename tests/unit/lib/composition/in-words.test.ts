import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inWords } from '../../../../lib/composition/in-words.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-words-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** As the file system refuses the file `name`, which is not there. */
function refuse(code: string, name = 'secrets/key'): Promise<unknown> {
  const refusal = Object.assign(new Error(code), { code, path: path.join(folder, name) })
  return inWords({ what: 'The secrets', folder }, () => Promise.reject(refusal)).catch((reason: unknown) => reason)
}

const wordsOf = async (code: string) => {
  const error = await refuse(code)
  expect(error).toBeInstanceOf(StartRefused)
  return (error as StartRefused).message
}

it('answers what the work does', async () => {
  expect(await inWords({ what: 'The secrets', folder }, async () => 3)).toBe(3)
})

it('says that the disk is full, and how much is free', async () => {
  expect(await wordsOf('ENOSPC')).toMatch(
    new RegExp(
      `^The secrets cannot be used: the disk of ${folder}/secrets/key is full \\(\\d+ MB are free\\). Make room, and start again.$`,
    ),
  )
})

it('names the folder where the refusal names no file, as that of a write does', async () => {
  const refusal = Object.assign(new Error('write'), { code: 'ENOSPC' })
  await expect(inWords({ what: 'The secrets', folder }, () => Promise.reject(refusal))).rejects.toThrow(
    `The secrets cannot be used: the disk of ${folder} is full (`,
  )
})

it('says that nothing can be written there', async () => {
  expect(await wordsOf('EROFS')).toBe(
    `The secrets cannot be used: ${folder}/secrets/key lies on a file system that is read-only. Make it writable, or name another folder in BERTH_DATA_DIR.`,
  )
})

it('says whose it is, and who this is: of what is there, for the rest has no owner', async () => {
  const uid = process.getuid?.()
  const who = uid === 0 ? 'root' : `user ${uid}`
  expect(await wordsOf('EACCES')).toBe(
    `The secrets cannot be used: ${folder} belongs to ${who}, and ${who} may not use it. Start Berth as the user who did before, let this user write there, or name another folder in BERTH_DATA_DIR.`,
  )
})

it.each([['ENOENT'], ['ECONNREFUSED']])('lets %s through as it is', async (code) => {
  expect(await refuse(code)).toMatchObject({ code })
  expect(await refuse(code)).not.toBeInstanceOf(StartRefused)
})
