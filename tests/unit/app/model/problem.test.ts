import { expect, it } from 'vitest'
import { findFieldMessage, readProblem, toProblem } from '../../../../app/model/problem.ts'

it('reads a problem document, with paths as text or as parts', () => {
  const problem = readProblem(422, {
    code: 'validation_failed',
    title: 'Some fields are wrong',
    detail: 'd',
    hint: 'h',
    fields: [
      { path: 'githubRepo', message: 'must be "owner/repo"' },
      { path: ['limits', 'maxSteps'], message: 'too many' },
      7,
    ],
  })
  expect(problem).toMatchObject({ status: 422, code: 'validation_failed', hint: 'h' })
  expect(findFieldMessage(problem, 'githubRepo')).toBe('must be "owner/repo"')
  expect(findFieldMessage(problem, 'limits.maxSteps')).toBe('too many')
  expect(findFieldMessage(problem, 'limit')).toBeNull()
})

it('has words for an answer that is no problem document', () => {
  expect(readProblem(502, undefined)).toMatchObject({ code: 'http_502', title: 'The server answered 502' })
})

it('has words for a server that does not answer', () => {
  expect(toProblem(new TypeError('fetch failed'))).toMatchObject({
    code: 'unreachable',
    title: 'Berth does not answer',
  })
})
