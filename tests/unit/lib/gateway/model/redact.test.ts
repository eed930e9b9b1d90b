import { expect, test } from 'vitest'
import { createRedactor, redact } from '../../../../../lib/gateway/model/redact.ts'

const KEY = 'sk-sk-or-secret'

function pass(text: string, size: number): string {
  const bytes = Buffer.from(text)
  const redactor = createRedactor(KEY)
  const out: Buffer[] = []
  for (let start = 0; start < bytes.length; start += size) out.push(redactor.feed(bytes.subarray(start, start + size)))
  return Buffer.concat([...out, redactor.end()]).toString()
}

test('a secret is taken out however the bytes are cut, and everything else stays', () => {
  const text = `a ${KEY}${KEY} b sk-${KEY} sk-sk-o\u{1F600} sk-sk-or-secre ${KEY}`
  const expected = redact(text, KEY)
  expect(expected).not.toContain(KEY)
  for (const size of [1, 2, 3, 7, KEY.length, 1_000]) expect(pass(text, size)).toBe(expected)
})

test('nothing is held back but what may be the beginning of the secret', () => {
  const redactor = createRedactor(KEY)
  expect(redactor.feed(Buffer.from('data: hello\n\n')).toString()).toBe('data: hello\n\n')
  expect(redactor.feed(Buffer.from('data: sk-s')).toString()).toBe('data: ')
  expect(redactor.feed(Buffer.from('ure\n')).toString()).toBe('sk-sure\n')
  expect(redactor.end().toString()).toBe('')
})

test('without a secret everything passes', () => {
  const redactor = createRedactor('')
  expect(redactor.feed(Buffer.from('anything')).toString()).toBe('anything')
  expect(redact('anything', '')).toBe('anything')
})
