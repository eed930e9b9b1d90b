import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { findMistakes } from '../../../scripts/env-file.ts'

describe('findMistakes', () => {
  it('finds nothing in .env.example, nor in what others read from the same file', () => {
    expect(findMistakes(readFileSync(path.resolve(import.meta.dirname, '../../../.env.example'), 'utf8'))).toEqual([])
    expect(findMistakes('export PORT=1\r\n\n# words\n  TMPDIR=/big\nCOMPOSE_PROJECT_NAME=berth\n')).toEqual([])
  })

  it('knows every variable of docker-compose.yml, which reads the same file', () => {
    const compose = readFileSync(path.resolve(import.meta.dirname, '../../../docker-compose.yml'), 'utf8')
    const names = [...compose.matchAll(/(?<!\$)\$\{(\w+)/g)].map((match) => match[1])
    expect(names).toContain('POSTGRES_PASSWORD')
    expect(findMistakes(names.map((name) => `${name}=x`).join('\n'))).toEqual([])
  })

  it.each([
    ['OPENROUTER_KEY', 'OPENROUTER_API_KEY'],
    ['OPEN_ROUTER_API_KEY', 'OPENROUTER_API_KEY'],
    ['GITHUB_TOKN', 'GITHUB_TOKEN'],
    ['GH_TOKEN', 'GITHUB_TOKEN'],
    ['github_token', 'GITHUB_TOKEN'],
    ['BERTH_DATADIR', 'BERTH_DATA_DIR'],
    ['DEFAULT_MODEL_AGENT', null],
    ['COLOUR', null],
  ])('names %s, and the variable that was meant: %s', (name, nearest) => {
    const meant = nearest === null ? '.' : `: did you mean ${nearest}?`
    expect(findMistakes(`${name}=secret`)).toEqual([`${name} is no variable of Berth and has no effect${meant}`])
  })

  it('counts the lines that are no assignment, and says nothing of what stands in them', () => {
    const key = 'ghp_0123456789abcdefghijABCDEFGHIJ0123456789'
    const text = `PORT=3000\nGITHUB_TOKEN: ${key}\n${key}\n${key}=\nsk-or-v1-${'0123456789'.repeat(4)}\n`
    const mistakes = findMistakes(text)
    expect(mistakes).toEqual([2, 3, 4, 5].map((line) => `Line ${line} is no NAME=value and has no effect.`))
    expect(mistakes.join()).not.toContain('0123456789')
  })

  it('takes a value over several lines for one value', () => {
    expect(findMistakes('NEXTAUTH_SECRET="first\nsecond\nGITHUB_TOKN=third"\nGIT_USER_NAME=\'Ada\'\n')).toEqual([])
  })
})
