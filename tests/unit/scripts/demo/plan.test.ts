import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readArguments } from '../../../../scripts/demo/arguments.ts'
import { planDemo } from '../../../../scripts/demo/plan.ts'
import { SAMPLE_FOLDER, sampleCase } from '../../../../scripts/demo/sample-case.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-test-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

const plan = (argv: string[], hasKey: boolean) => planDemo(readArguments(argv, hasKey), hasKey)

test('the sample is scripted without a key and real with one', async () => {
  const { repo: fullName, title: name, task } = sampleCase
  const sample = { source: SAMPLE_FOLDER, fullName, name, task }
  expect(await plan([], false)).toEqual({ ...sample, script: sampleCase })
  expect(await plan([], true)).toEqual({ ...sample, script: null })
  expect(await plan(['--task', 'Add a feature\nto it'], true)).toEqual({
    ...sample,
    name: 'Add a feature',
    task: 'Add a feature\nto it',
    script: null,
  })
})

test('a case is scripted also with a key', async () => {
  const file = path.join(folder, 'case.json')
  await writeFile(file, JSON.stringify({ ...sampleCase, repo: 'acme/widgets' }))
  const planned = await plan(['--repo', folder, '--case', file], true)
  expect(planned).toMatchObject({ source: folder, fullName: 'acme/widgets', script: { repo: 'acme/widgets' } })
})

test('a repository of one’s own is called after its folder', async () => {
  const planned = await plan(['--repo', '/srv/my project.git', '--task', 'x'], true)
  expect(planned).toEqual({
    source: '/srv/my project.git',
    fullName: 'local/my-project',
    name: 'x',
    task: 'x',
    script: null,
  })
})
