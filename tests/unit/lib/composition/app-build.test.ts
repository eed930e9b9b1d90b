import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ensureAppBuilt, hashSources } from '../../../../lib/composition/app-build.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'berth-sources-'))
  await write('app/page.tsx', 'page')
  await write('next.config.ts', 'config')
})
afterEach(() => rm(root, { recursive: true }))

async function write(file: string, content: string): Promise<void> {
  await mkdir(path.dirname(path.join(root, file)), { recursive: true })
  await writeFile(path.join(root, file), content)
}

describe('hashSources', () => {
  it.each([
    'app/agents/new/page.tsx',
    'lib/http/handle.ts',
    'next.config.ts',
    'package-lock.json',
    'prisma/schema.prisma',
  ])('changes with %s', async (file) => {
    const before = await hashSources(root)
    expect(await hashSources(root)).toBe(before)
    await write(file, 'changed')
    expect(await hashSources(root)).not.toBe(before)
  })

  it.each(['lib/store/generated/client.ts', 'tests/unit/a.test.ts', 'README.md'])(
    'does not change with %s',
    async (file) => {
      const before = await hashSources(root)
      await write(file, 'changed')
      expect(await hashSources(root)).toBe(before)
    },
  )

  it('tells a renamed file from one that stayed', async () => {
    const before = await hashSources(root)
    await rm(path.join(root, 'app/page.tsx'))
    await write('app/other.tsx', 'page')
    expect(await hashSources(root)).not.toBe(before)
  })
})

/** In the place of Next: counts its builds, and writes the page into what it builds. */
const NEXT = `
const fs = require('node:fs')
fs.appendFileSync('builds', 'x')
fs.mkdirSync('.next', { recursive: true })
fs.writeFileSync('.next/page', fs.readFileSync('app/page.tsx'))
fs.writeFileSync('.next/BUILD_ID', '1')
console.log('a line of the build')
`
const FAILS = `${NEXT}
console.error('why it failed'); process.exit(1)`
const HANGS = `${NEXT}
setInterval(() => {}, 1000)`

describe('ensureAppBuilt', () => {
  const project = path.resolve(import.meta.dirname, '../../../..')
  const next = (script: string) => write('node_modules/next/dist/bin/next', script)
  const read = (file: string) => readFile(path.join(root, file), 'utf8')
  const build = (signal = new AbortController().signal, onProgress = (_line: string) => {}) =>
    ensureAppBuilt({ root, onProgress, signal })

  beforeEach(async () => {
    await cp(path.join(project, 'scripts/set-up'), path.join(root, 'scripts/set-up'), { recursive: true })
    await next(NEXT)
  })

  it('builds what was not built, and tells how it goes on', async () => {
    const lines: string[] = []
    await build(undefined, (line) => lines.push(line))
    await build()
    expect(lines).toEqual(['a line of the build'])
    expect(await read('builds')).toBe('x')
    await write('app/page.tsx', 'changed')
    await build()
    expect(await read('.next/page')).toBe('changed')
  })

  it('builds again what somebody took away', async () => {
    await build()
    await rm(path.join(root, '.next/BUILD_ID'))
    await build()
    expect(await read('builds')).toBe('xx')
  })

  it('does not take for built what a build that ended early left', async () => {
    await next('')
    await expect(build()).rejects.toThrow('next build ended without an error, but .next/BUILD_ID is not there')
    await next(NEXT)
    await build()
    expect(await read('.next/page')).toBe('page')
  })

  it('lets what the build forks live as long as it has work', async () => {
    await write('worker.cjs', "process.once('message', () => process.send('done'))")
    await next(
      `const worker = require('node:child_process').fork('worker.cjs')
       setTimeout(() => worker.send('work'), 300)
       worker.once('message', () => { worker.disconnect(); ${NEXT} })`,
    )
    await build()
    expect(await read('.next/page')).toBe('page')
  })

  it('is done once by two at the same time', async () => {
    await Promise.all([build(), build()])
    expect(await read('builds')).toBe('x')
  })

  it('shows the end of the output of a build that failed, and takes nothing of it for built', async () => {
    await build()
    await write('app/page.tsx', 'wrong')
    await next(FAILS)
    const error: unknown = await build().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(StartRefused)
    expect(error).toMatchObject({
      message:
        'The pages cannot be built (next build: exit code 1). The end of its output:\na line of the build\nwhy it failed',
    })
    await write('app/page.tsx', 'page')
    await next(NEXT)
    await build()
    expect(await read('.next/page')).toBe('page')
  })

  it('says what to do about a build that the system ended', async () => {
    await next("process.kill(process.pid, 'SIGKILL')")
    await expect(build()).rejects.toThrow(
      'for want of memory): together with the database this takes 1 GB. Add memory or swap, or end what uses it, and start again.',
    )
  })

  it('ends the build when it is given up, and takes nothing of it for built', async () => {
    await build()
    await write('app/page.tsx', 'other')
    await next(HANGS)
    const giveUp = new AbortController()
    await expect(build(giveUp.signal, () => giveUp.abort(new Error('ended')))).rejects.toThrow('ended')
    await write('app/page.tsx', 'page')
    await next(NEXT)
    await build()
    expect(await read('.next/page')).toBe('page')
  })
})
