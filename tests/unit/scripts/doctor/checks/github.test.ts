import { describe, expect, it } from 'vitest'
import type { Reply } from '../../../../../scripts/doctor/ask.ts'
import { type GitHubFacts, judgeGitHub } from '../../../../../scripts/doctor/checks/github.ts'

const answer = (status: number, headers: Record<string, string> = {}, body: unknown = { login: 'ada' }): Reply => ({
  kind: 'answer',
  status,
  headers,
  body,
  at: new Date(),
})
const facts: GitHubFacts = {
  apiUrl: 'https://api.github.com',
  url: 'https://github.com',
  token: 'classic',
  proxy: null,
  reply: answer(200, { 'x-oauth-scopes': 'repo, gist' }),
  now: new Date('2026-11-21T10:00:00Z'),
}
const scopes = (header: string) => judgeGitHub({ ...facts, reply: answer(200, { 'x-oauth-scopes': header }) })
const expiring = (header: string) =>
  judgeGitHub({
    ...facts,
    token: 'fine-grained',
    reply: answer(200, { 'github-authentication-token-expiration': header }),
  })[1]

describe('judgeGitHub', () => {
  it("says whose a classic token is and what it may do, and what cannot be known of a fine-grained or an app's", () => {
    expect(judgeGitHub(facts)).toEqual([{ severity: 'ok', found: "ada's token, with the scopes repo, gist" }])
    expect(judgeGitHub({ ...facts, token: 'fine-grained', reply: answer(200) })).toEqual([
      {
        severity: 'ok',
        found:
          "ada's token; which repositories it is for cannot be asked: it needs contents and pull requests: read and write there",
      },
    ])
    expect(judgeGitHub({ ...facts, token: 'app', reply: answer(403, {}, { message: 'no' }) })).toEqual([
      { severity: 'ok', found: "an app's token, taken by https://api.github.com; what it may do cannot be asked" },
    ])
  })

  it('warns of the scope workflow, and of a token that cannot push', () => {
    expect(scopes('repo, workflow')[1]).toMatchObject({
      severity: 'warning',
      found:
        'The token has the scope workflow: an agent can change what the CI of your repositories does, with its secrets',
    })
    expect(scopes('public_repo')[1]).toMatchObject({ found: expect.stringMatching(/public_repo only/) })
    expect(scopes('')[1]).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/may push to no repository/),
    })
    expect(scopes('gist, workflow').map(({ severity }) => severity)).toEqual(['ok', 'warning', 'warning'])
  })

  it.each([
    ['2027-01-31 12:00:00 UTC', { severity: 'ok', found: 'The token lasts until 2027-01-31 (71 days)' }],
    ['2027-01-31 12:00:00 +0100', { severity: 'ok', found: 'The token lasts until 2027-01-31 (71 days)' }],
    ['2026-11-23 09:00:00 UTC', { severity: 'warning', found: 'The token lasts until 2026-11-23 09:00:00 only' }],
  ])('says how long a token lasts: %s', (header, finding) => {
    expect(expiring(header)).toMatchObject(finding)
  })

  it('makes nothing of a time that it cannot read', () => {
    expect(expiring('next week')).toBeUndefined()
    expect(expiring('2027-99-31 12:00:00 UTC')).toBeUndefined()
  })

  it('only warns without a token: what is public can be read', () => {
    expect(judgeGitHub({ ...facts, token: null, reply: answer(200) })).toEqual([
      {
        severity: 'warning',
        found: 'no token: only public repositories can be read, and nothing pushed; a run ends without a pull request',
        advice:
          "Make one at https://github.com/settings/personal-access-tokens/new (contents and pull requests: read and write), then: echo 'GITHUB_TOKEN=<your token>' >> .env",
      },
    ])
  })

  it.each<[string, Partial<GitHubFacts>, string]>([
    ['a refused token', { reply: answer(401) }, 'the GitHub token is refused'],
    [
      'a token that is no token',
      { reply: { kind: 'failure', code: 'ERR_INVALID_CHAR', words: 'ERR_INVALID_CHAR' } },
      'the GitHub token is refused',
    ],
    [
      'an unknown host',
      { reply: { kind: 'failure', code: 'ENOTFOUND', words: 'ENOTFOUND' } },
      'GitHub cannot be reached',
    ],
    [
      'a silent host',
      { reply: { kind: 'failure', code: 'no answer within 8 s', words: 'no answer within 8 s' }, token: null },
      'GitHub cannot be reached',
    ],
  ])('blocks for %s', (_, change, because) => {
    expect(judgeGitHub({ ...facts, ...change })[0]).toMatchObject({ severity: 'problem', because })
  })

  it.each<[string, Reply, RegExp]>([
    ['trouble', answer(502), /answers 502: it has trouble/],
    ['a limit', answer(403, { 'x-ratelimit-remaining': '0' }), /asked too often \(403\)/],
    ['what is not GitHub', answer(200, {}, null), /answers 200, and not as GitHub does/],
  ])('warns of %s', (_, reply, found) => {
    expect(judgeGitHub({ ...facts, reply })).toEqual([
      expect.objectContaining({ severity: 'warning', found: expect.stringMatching(found) }),
    ])
    expect(judgeGitHub({ ...facts, token: null, reply }).at(1)?.found ?? '').toMatch(found)
  })

  it("warns when one address is github.com's and the other is not", () => {
    expect(judgeGitHub({ ...facts, url: 'https://ghe.example.com' })[1]).toMatchObject({
      severity: 'warning',
      found:
        "GITHUB_API_URL is https://api.github.com, and GITHUB_URL is https://ghe.example.com: one is github.com's, the other is not",
    })
    const both = { apiUrl: 'https://ghe.example.com/api/v3', url: 'https://ghe.example.com' }
    expect(judgeGitHub({ ...facts, ...both })).toHaveLength(1)
  })
})
