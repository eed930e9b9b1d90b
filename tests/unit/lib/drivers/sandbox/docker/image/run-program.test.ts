import { expect, it } from 'vitest'
import { ProgramFailure, runProgram } from '../../../../../../../lib/drivers/sandbox/docker/image/run-program.ts'

const never = new AbortController().signal
const sh = (script: string, more: { signal?: AbortSignal; onLine?: (line: string) => void } = {}) =>
  runProgram('/bin/sh', ['-c', script], { signal: never, ...more })

it('tells each line', async () => {
  const lines: string[] = []
  await sh('echo one; echo two', { onLine: (line) => lines.push(line) })
  expect(lines).toEqual(['one', 'two'])
})

it('fails with the last lines of what the program said', async () => {
  const failure: unknown = await sh('seq 100; sleep 0.1; echo E: why >&2; exit 100').catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ProgramFailure)
  expect(failure).toMatchObject({ message: '/bin/sh ended with 100' })
  const { tail } = failure as ProgramFailure
  expect([tail.length, tail.at(0), tail.at(-1)]).toEqual([50, '52', 'E: why'])
})

it('says that a program is not there', async () => {
  const failure: unknown = await runProgram('/no/such/program', [], { signal: never }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ProgramFailure)
  expect(failure).toMatchObject({ message: expect.stringContaining('/no/such/program: spawn /no/such/program ENOENT') })
})

it('ends the program when it is given up', async () => {
  const giveUp = new AbortController()
  const running = sh('echo begun; exec sleep 60', {
    signal: giveUp.signal,
    onLine: () => giveUp.abort(new Error('no')),
  })
  await expect(running).rejects.toThrow('no')
})
