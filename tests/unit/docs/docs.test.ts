import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }

const root = fileURLToPath(new URL('../../..', import.meta.url))
const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md', ...listDocs()]

function listDocs(): string[] {
  const folder = path.join(root, 'docs')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`)
}

/** Paths as they stand in code spans and links: with a folder of ours in front, without placeholders. */
function pathsIn(text: string): string[] {
  const spans = [...text.matchAll(/`((?:app|container|docs|lib|prisma|scripts|tests|public)\/[^`\s]*)`/g)]
  const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)/g)]
  return [...spans, ...links].map((match) => match[1] ?? '').filter((found) => !/[<*]/.test(found))
}

describe.each(documents)('%s', (document) => {
  const text = readFileSync(path.join(root, document), 'utf8')

  it('names files that are there', () => {
    const missing = pathsIn(text).filter(
      (found) => !existsSync(path.join(root, path.dirname(document), found)) && !existsSync(path.join(root, found)),
    )
    expect(missing).toEqual([])
  })

  it('names commands that are there', () => {
    const commands = [...text.matchAll(/npm run (?:--\S+ )*([a-z][a-z-]*)/g)].map((match) => match[1] ?? '')
    expect(commands.filter((command) => !Object.hasOwn(packageJson.scripts, command))).toEqual([])
  })
})
