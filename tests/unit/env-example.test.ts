import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, it } from 'vitest'
import { environmentVariables, readSettings } from '../../lib/config.ts'

const root = path.resolve(import.meta.dirname, '../..')
const text = readFileSync(path.join(root, '.env.example'), 'utf8')
const example = parseEnv(text)

/** The same variable in the other case, which some programs set. */
const ALIASES = ['https_proxy', 'http_proxy', 'no_proxy', 'npm_config_registry']

describe('.env.example', () => {
  it('names every variable that is read, and none that is not', () => {
    const read = environmentVariables.filter((name) => !ALIASES.includes(name))
    expect(Object.keys(example).sort()).toEqual(read.sort())
  })

  it('holds the defaults: with it, the settings are those of an empty environment', () => {
    const environment = { ...example, NODE_ENV: 'test' as const }
    expect(readSettings(environment, root)).toEqual(readSettings({ NODE_ENV: 'test' }, root))
  })

  it('says something about every variable, or about the group it stands in', () => {
    const groups = text.split('\n\n').filter((group) => /^[A-Z]/m.test(group))
    expect(groups.filter((group) => !group.startsWith('#'))).toEqual([])
  })
})
