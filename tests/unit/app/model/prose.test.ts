import { expect, it } from 'vitest'
import { firstPlainLine, parseInline, parseProse, parseSentence } from '../../../../app/model/prose.ts'

it('reads paragraphs, headings, lists and code', () => {
  const kinds = parseProse('# Title\nOne\nline.\n\nTwo.\n\n- a\n- b\n  more\n1. c\n```ts\nconst a = 1\n\n```\nEnd').map(
    (block) => block.kind,
  )
  expect(kinds).toEqual(['heading', 'paragraph', 'paragraph', 'list', 'list', 'code', 'paragraph'])
})

it('keeps the lines of an unclosed code block as code while it is written', () => {
  expect(parseProse('So:\n```js\nlet a = `x`\n# no heading')).toEqual([
    { kind: 'paragraph', inlines: [{ kind: 'text', text: 'So:' }] },
    { kind: 'code', text: 'let a = `x`\n# no heading', language: 'js' },
  ])
})

it('reads code, weight and links within a line', () => {
  expect(parseInline('Use `a*b`, **now**, see [docs](https://x.example/a) or https://y.example/b.')).toEqual([
    { kind: 'text', text: 'Use ' },
    { kind: 'code', text: 'a*b' },
    { kind: 'text', text: ', ' },
    { kind: 'strong', text: 'now' },
    { kind: 'text', text: ', see ' },
    { kind: 'link', text: 'docs', href: 'https://x.example/a' },
    { kind: 'text', text: ' or ' },
    { kind: 'link', text: 'https://y.example/b', href: 'https://y.example/b' },
    { kind: 'text', text: '.' },
  ])
})

it('says in a sentence where a link leads, whatever its label is', () => {
  expect(parseSentence('The clone failed: [Sign in](https://x.example/a), see https://y.example/b')).toEqual([
    { kind: 'text', text: 'The clone failed: ' },
    { kind: 'text', text: 'Sign in (https://x.example/a)' },
    { kind: 'text', text: ', see ' },
    { kind: 'link', text: 'https://y.example/b', href: 'https://y.example/b' },
  ])
})

it('makes no link of any other scheme', () => {
  expect(parseInline('[x](javascript:alert(1))')).toEqual([{ kind: 'text', text: '[x](javascript:alert(1))' }])
})

it('gives the first line that says something, without marks', () => {
  expect(firstPlainLine('\n---\n## **Done**: `a.ts` changed\nmore')).toBe('Done: a.ts changed')
  expect(firstPlainLine('')).toBe('')
})
