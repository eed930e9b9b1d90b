import { expect, it } from 'vitest'
import { buildCreateBody, buildCurl, EMPTY_FORM, findUnreadable } from '../../../../app/model/new-agent-form.ts'

it('sends what was filled in and leaves the defaults to the server', () => {
  expect(buildCreateBody({ ...EMPTY_FORM, task: ' Fix it ', githubRepo: 'a/b ' })).toEqual({
    githubRepo: 'a/b',
    task: 'Fix it',
  })
})

it('reads numbers and lists, and sends a number that is none as it was typed', () => {
  const form = {
    ...EMPTY_FORM,
    maxSteps: '20',
    maxCostUsd: 'two',
    egressAllow: 'a.example,\n b.example',
    autoPullRequest: false,
  }
  expect(buildCreateBody(form)).toMatchObject({
    limits: { maxSteps: 20, maxCostUsd: 'two' },
    egress: { allow: ['a.example', 'b.example'] },
    autoPullRequest: false,
  })
})

it('reads a size with its unit, and names the field of one that is none', () => {
  const form = { ...EMPTY_FORM, diskBytes: '10 GiB', setupScript: 'npm ci\n' }
  expect(buildCreateBody(form)).toMatchObject({ limits: { diskBytes: 10 * 1024 ** 3 }, setupScript: 'npm ci\n' })
  expect(findUnreadable(form)).toEqual([])
  expect(findUnreadable({ ...form, diskBytes: 'large' })).toMatchObject([{ path: 'limits.diskBytes' }])
})

it('sends no allowed hosts with a mode that has no list', () => {
  const form = { ...EMPTY_FORM, egressMode: 'none' as const, egressAllow: 'a.example' }
  expect(buildCreateBody(form).egress).toEqual({ mode: 'none' })
})

it('writes a curl line that a shell reads back as the same body', () => {
  const curl = buildCurl({ task: "Don't", githubRepo: 'a/b' }, 'http://127.0.0.1:3000')
  expect(curl).toContain('curl -X POST http://127.0.0.1:3000/api/agents \\\n')
  const quoted = /-d '([\s\S]*)'$/.exec(curl)?.[1] ?? ''
  expect(JSON.parse(quoted.replaceAll("'\\''", "'"))).toEqual({ task: "Don't", githubRepo: 'a/b' })
})
