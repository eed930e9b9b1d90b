import { execFile } from 'node:child_process'
import path from 'node:path'
import { expect, it } from 'vitest'

const begin = path.resolve(import.meta.dirname, '../../../scripts/set-up/begin.mjs')

/** Begins on a Node that says of itself that it is this version. */
function beginOn(version: string): Promise<{ code: number; output: string; said: string }> {
  const script = `
    Object.defineProperty(process, 'versions', { value: { node: '${version}' } })
    Object.defineProperty(process, 'version', { value: 'v${version}' })
    import(${JSON.stringify(begin)}).then(({ begin }) => begin(() => console.log('begun')))`
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', script], (error, output, said) =>
      resolve({ code: error === null ? 0 : Number(error.code), output, said }),
    )
  })
}

it.each(['20.0.0', '22.23.3', '24.21.0', '26.1.0'])('begins on Node %s', async (version) => {
  expect(await beginOn(version)).toEqual({ code: 0, output: 'begun\n', said: '' })
})

it.each(['12.22.12', '18.20.8'])('says what to install on Node %s', async (version) => {
  const { code, output, said } = await beginOn(version)
  expect({ code, output }).toEqual({ code: 1, output: '' })
  expect(said).toBe(
    `Berth is installed with Node 20 or later, and this is v${version} (${process.execPath}). Install a newer one (https://nodejs.org/en/download) and try again; the Node 24 that Berth itself runs on comes with it.\n`,
  )
})
