/** The list of what is tried and the tests that try it stay one: what SECURITY.md promises rests on it. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { projectDirectory } from '../../../scripts/project-directory.ts'
import { type BoundaryArea, boundaryTries } from '../../boundary/tries/index.ts'

const folder = path.join(projectDirectory, 'tests/boundary')
let sources: string[]

beforeAll(async () => {
  const files = (await readdir(folder, { recursive: true })).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('tries/'),
  )
  sources = await Promise.all(files.map((file) => readFile(path.join(folder, file), 'utf8')))
})

describe.each(Object.keys(boundaryTries) as BoundaryArea[])('%s', (area) => {
  const lines: readonly string[] = boundaryTries[area]

  it('has no line twice', () => {
    expect(new Set(lines).size).toBe(lines.length)
  })

  it('has a test for each line', () => {
    const isTried = (line: string) =>
      sources.some((source) => source.includes(`'${line}'`) || source.includes(`"${line}"`))
    expect(lines.filter((line) => !isTried(line))).toEqual([])
  })
})
