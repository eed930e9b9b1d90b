import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

it('becomes one CommonJS file that loads without node_modules', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'berth-bundle-'))
  try {
    const outfile = path.join(directory, 'executor.cjs')
    await build({
      entryPoints: [path.resolve('container/bridge/executor/executor.ts')],
      outfile,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      logLevel: 'error',
    })
    const script = `console.log(typeof require(${JSON.stringify(outfile)}).createExecutor)`
    expect(execFileSync(process.execPath, ['-e', script], { cwd: directory, encoding: 'utf8' }).trim()).toBe('function')
  } finally {
    fs.rmSync(directory, { recursive: true })
  }
})
