import { expect, it } from 'vitest'
import { readReturnPath } from '../../../../app/model/return-path.ts'

const origin = 'http://127.0.0.1:3000'

it('leads back to a page of this site', () => {
  expect(readReturnPath('/agents/abc?tab=plan', origin)).toBe('/agents/abc?tab=plan')
  expect(readReturnPath(`${origin}/agents/new`, origin)).toBe('/agents/new')
})

it('never leads to another site, nor round in a circle', () => {
  const wanted = ['', 'https://evil.example/', '//evil.example/a', '/\\evil.example', 'javascript:alert(1)', '/sign-in']
  expect(wanted.map((path) => readReturnPath(path, origin))).toEqual(wanted.map(() => '/agents'))
})
