import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readLogTail } from '../../../../../../lib/drivers/sandbox/process/log-tail.ts'

let base: string
let file: string
beforeEach(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-log-'))
  file = path.join(base, 'a.log')
})
afterEach(() => rm(base, { recursive: true }))

it('has the last lines, in order, and no empty ones', async () => {
  await writeFile(file, 'one\n\ntwo\nthree\n')
  expect(await readLogTail(file, 2)).toEqual(['two', 'three'])
  expect(await readLogTail(file, 9)).toEqual(['one', 'two', 'three'])
})

it('has none where there is no log, or nothing in it', async () => {
  expect(await readLogTail(path.join(base, 'none.log'), 5)).toEqual([])
  await writeFile(file, '')
  expect(await readLogTail(file, 5)).toEqual([])
})

it('of a large log has whole lines only', async () => {
  const line = (number: number) => `${String(number).padStart(7, '0')} ${'x'.repeat(92)}`
  await writeFile(file, Array.from({ length: 20_000 }, (_, index) => `${line(index)}\n`).join(''))
  const lines = await readLogTail(file, 100_000)
  expect(lines.length).toBeGreaterThan(1_000)
  expect(lines).toEqual(Array.from({ length: lines.length }, (_, index) => line(20_000 - lines.length + index)))
})
