import { expect, it } from 'vitest'
import { EngineRefusal } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { asImageMissing } from '../../../../../../../lib/drivers/sandbox/docker/image/as-image-missing.ts'
import { ProgramFailure } from '../../../../../../../lib/drivers/sandbox/docker/image/run-program.ts'
import { BerthError } from '../../../../../../../lib/errors.ts'

const outcome = (error: unknown, signal = new AbortController().signal) =>
  asImageMissing(signal, () => Promise.reject(error)).catch((reason: unknown) => reason)

it.each([
  ['a refusal of the engine', new EngineRefusal(500, 'no space left on device')],
  ['a refusal of the file system', Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })],
])('takes %s for the image’s', async (_name, error) => {
  expect(await outcome(error)).toMatchObject({
    code: 'image_missing',
    message: 'The agent image cannot be made: no space left on device.',
  })
})

it('keeps the last lines of a program that failed', async () => {
  expect(await outcome(new ProgramFailure('tar ended with 2', ['tar: write error']))).toMatchObject({
    message: 'The agent image cannot be made: tar ended with 2.',
    details: { logTail: ['tar: write error'] },
  })
})

it('lets through what is in words already, and what is a mistake of the program', async () => {
  for (const error of [new BerthError('image_missing', 'in words'), new TypeError('a mistake')]) {
    expect(await outcome(error)).toBe(error)
  }
})

it('lets a start be given up', async () => {
  const giveUp = AbortSignal.abort(new Error('ended'))
  expect(await outcome(new ProgramFailure('killed', []), giveUp)).toMatchObject({ message: 'ended' })
})
