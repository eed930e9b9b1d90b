/** Ways to break what a set-up needs of the world: the model provider, GitHub, and the way to them. */
import { createServer } from 'node:net'
import { startModel } from '../../../scripts/stand-ins/model/start-model.ts'
import type { Breakage } from './breakage.ts'

const answerUser =
  (headers: Record<string, string>): Breakage['break'] =>
  ({ rig }) => {
    rig.forge.fail({ match: 'GET /api/v3/user', status: 200, headers, body: { login: 'ada' } })
    return {}
  }

export const outsideBreakages: Breakage[] = [
  {
    what: 'no model key',
    break: () => ({ OPENROUTER_API_KEY: undefined }),
    check: 'model',
    severity: 'problem',
    found: /OPENROUTER_API_KEY is not set/,
    advice: /echo 'OPENROUTER_API_KEY=<your key>' >> \.env/,
  },
  {
    what: 'a wrong model key',
    break: () => ({ OPENROUTER_API_KEY: 'sk-or-v1-of-nobody' }),
    check: 'model',
    severity: 'problem',
    found: /refuses the key \(401\)/,
    advice: /openrouter\.ai\/keys/,
  },
  {
    what: 'a model key without money',
    break: async ({ defer }) => {
      const model = await startModel({ script: [], keyLimitUsd: 0 })
      defer(() => model.close())
      return { OPENROUTER_BASE_URL: model.url }
    },
    check: 'model',
    severity: 'problem',
    found: /nothing is left of its limit/,
    advice: /openrouter\.ai\/credits/,
  },
  {
    what: 'a misspelt model',
    break: () => ({ DEFAULT_AGENT_MODEL: 'anthropic/claude-sonet-4.6' }),
    check: 'model',
    severity: 'problem',
    found: /anthropic\/claude-sonet-4\.6 is none of its 2 models/,
    advice: /did you mean anthropic\/claude-sonnet-4\.6\?/,
  },
  {
    what: 'no GitHub token',
    break: () => ({ GITHUB_TOKEN: undefined }),
    check: 'github',
    severity: 'warning',
    found: /no token: only public repositories can be read, and nothing pushed/,
    advice: /echo 'GITHUB_TOKEN=<your token>' >> \.env/,
  },
  {
    what: 'a wrong GitHub token',
    break: () => ({ GITHUB_TOKEN: 'ghp_of_nobody' }),
    check: 'github',
    severity: 'problem',
    found: /refuses the token \(401\)/,
    advice: /GITHUB_TOKEN/,
  },
  {
    what: 'a token that may change workflows',
    break: ({ rig }) => {
      rig.forge.setToken('ghp_with_workflow', { scopes: ['repo', 'workflow'] })
      return { GITHUB_TOKEN: 'ghp_with_workflow' }
    },
    check: 'github',
    severity: 'warning',
    found: /has the scope workflow/,
    advice: /fine-grained token/,
  },
  {
    what: 'a token that ends tomorrow',
    break: answerUser({
      'github-authentication-token-expiration': new Date(Date.now() + 86_400_000)
        .toISOString()
        .replace(/T(.*)\..*/, ' $1 UTC'),
    }),
    check: 'github',
    severity: 'warning',
    found: /lasts until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d only/,
    advice: /GITHUB_TOKEN/,
  },
  {
    what: 'a GitHub that nobody knows',
    break: () => ({ GITHUB_API_URL: 'http://github.invalid/api/v3' }),
    check: 'github',
    severity: 'problem',
    found: /http:\/\/github\.invalid\/api\/v3 cannot be reached/,
    advice: /GITHUB_API_URL/,
  },
  {
    what: 'a proxy that is down',
    break: () => ({ HTTPS_PROXY: 'http://127.0.0.1:1' }),
    check: 'proxy',
    severity: 'warning',
    found: /cannot be reached \(ECONNREFUSED\)/,
    advice: /Correct HTTPS_PROXY/,
  },
  {
    what: 'a proxy that refuses',
    break: async ({ defer }) => {
      const proxy = createServer((socket) => {
        socket.once('data', () => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'))
      })
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
      defer(() => new Promise((resolve) => proxy.close(resolve)))
      const address = proxy.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const url = 'https://github.invalid/api/v3'
      return { HTTPS_PROXY: `http://ada:wrong@127.0.0.1:${port}`, GITHUB_API_URL: url, GITHUB_URL: url }
    },
    check: 'github',
    severity: 'problem',
    found: /github\.invalid\/api\/v3 cannot be reached \(.*407/,
    advice: /The proxy http:\/\/127\.0\.0\.1:\d+ refuses: .*HTTPS_PROXY/,
  },
  {
    what: 'a certificate file that is not there',
    break: () => ({ BERTH_EXTRA_CA: '/no/such/ca.pem' }),
    check: 'certificates',
    severity: 'problem',
    found: /BERTH_EXTRA_CA: \/no\/such\/ca\.pem cannot be read \(ENOENT\)/,
    advice: /PEM file in BERTH_EXTRA_CA/,
  },
  {
    what: 'a clock that is an hour late',
    break: answerUser({ date: new Date(Date.now() + 3_600_000).toUTCString() }),
    check: 'clock',
    severity: 'warning',
    found: /is 3\d{3} s behind/,
    advice: /timedatectl set-ntp true/,
  },
]
