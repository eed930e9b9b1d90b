import { execFile } from 'node:child_process'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const scripts = path.resolve(import.meta.dirname, '../../../scripts')

/** None of them may come so far as to use it. */
const NO_FOLDER = '/dev/null/berth'

function run(script: string, ...args: string[]): Promise<{ code: number; output: string; said: string }> {
  const env = { ...process.env, BERTH_DATA_DIR: NO_FOLDER, DATABASE_URL: '' }
  return new Promise((resolve) => {
    execFile(process.execPath, [path.join(scripts, script), ...args], { env }, (error, output, said) =>
      resolve({ code: error === null ? 0 : Number(error.code), output, said }),
    )
  })
}

describe.each([
  ['token.ts', 'npm run token -- <name>'],
  ['user.ts', 'npm run user -- <e-mail>'],
  ['build.ts', 'npm run build\n'],
  ['build-container.ts', 'npm run build-container [-- --no-cache]'],
  ['demo.ts', 'npm run demo -- [options]'],
  ['bench.ts', 'npm run bench -- [options]'],
])('%s', (script, usage) => {
  it('does nothing for an option that it does not know, and says how it is used', async () => {
    const { code, output, said } = await run(script, '--hlep')
    expect({ code, output }).toEqual({ code: 2, output: '' })
    expect(said).toMatch(/^Unknown option '--hlep'\.\n\n/)
    expect(said).toContain(`\n\n${usage}`)
  })

  it('tells how it is used, and does nothing', async () => {
    const { code, output, said } = await run(script, '--help')
    expect({ code, said }).toEqual({ code: 0, said: '' })
    expect(output.startsWith(usage)).toBe(true)
  })
})

it('refuses a second person, who would be passed over', async () => {
  const { code, said } = await run('user.ts', 'ada@example.com', 'grace@example.com')
  expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining("Unexpected argument 'grace@example.com'.") })
})
