import { execFile } from 'node:child_process'
import path from 'node:path'
import { expect, it } from 'vitest'

const script = path.resolve(import.meta.dirname, '../../../scripts/start.mjs')

function start(...args: string[]): Promise<{ code: number; output: string; said: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], (error, output, said) =>
      resolve({ code: error === null ? 0 : Number(error.code), output, said }),
    )
  })
}

it('refuses an argument that it does not know before it does anything, and says which there are', async () => {
  const { code, output, said } = await start('--dev', '--prot', '4000')
  expect({ code, output }).toEqual({ code: 2, output: '' })
  expect(said).toMatch(/^npm start: unknown --prot 4000\.\n\nnpm start \[-- --dev\]\n/)
})

it('tells how it is used, and starts nothing', async () => {
  const { code, output, said } = await start('--help')
  expect({ code, said }).toEqual({ code: 0, said: '' })
  expect(output).toMatch(/^npm start \[-- --dev\]\n(.*\n)+ {2}--dev .*\n/)
})
