import { expect, test } from 'vitest'
import { registryHosts, sandboxEnvironment } from '../../../../../lib/services/sandbox/environment.ts'

const agent = { githubRepo: 'octo/sample', readRepos: ['octo/library'] }

/** Without what git is told. */
function passed(registries: Record<string, string>, env: Record<string, string> = {}) {
  const settings = { registries, github: { url: 'https://forge.test' } }
  const whole = Object.entries(sandboxEnvironment(settings, { ...agent, env }))
  return Object.fromEntries(whole.filter(([name]) => !name.startsWith('GIT_CONFIG_')))
}

test.each([
  ['NPM_CONFIG_REGISTRY', 'https://ada:hunter2@mirror.test/npm/', 'https://mirror.test/npm/'],
  ['NPM_CONFIG_REGISTRY', 'https://ada:hun,ter2@mirror.test/npm/', 'https://mirror.test/npm/'],
  ['NPM_CONFIG_REGISTRY', 'https://mirror.test/npm', 'https://mirror.test/npm'],
  ['PIP_INDEX_URL', 'https://__token__:hunter2@mirror.test:8443/simple', 'https://mirror.test:8443/simple'],
  ['PIP_INDEX_URL', 'https://ada:hunter2@mirror.test:99999/simple', ''],
  ['UV_INDEX_URL', 'https://hunter2@mirror.test/simple', 'https://mirror.test/simple'],
  ['GOPROXY', 'https://ada:hunter2@a.test,https://b.test|direct', 'https://a.test/,https://b.test|direct'],
  ['GOPROXY', 'ada:hunter2@a.test/go,off', 'https://a.test/go,off'],
])('%s=%s is passed on without credentials', (name, given, expected) => {
  expect(passed({ [name]: given })).toEqual({ [name]: expected })
})

test('what a person gave an agent comes before the registries of the installation', () => {
  const registries = { PIP_INDEX_URL: 'https://mirror.test/simple' }
  expect(passed(registries, { PIP_INDEX_URL: 'https://other.test/' })).toEqual({
    PIP_INDEX_URL: 'https://other.test/',
  })
})

test('the hosts of registries are entries of a list, with the port where it is not a usual one', () => {
  const registries = {
    NPM_CONFIG_REGISTRY: 'http://ada:hunter2@npm.test:4873/',
    PIP_INDEX_URL: 'https://pip.test/simple',
    UV_INDEX_URL: 'http://[fd00::5]:8080/simple',
    GOPROXY: 'https://[2001:db8::5]/go,go.test,file:///srv/go,direct',
  }
  expect(registryHosts({ registries })).toEqual([
    'npm.test:4873',
    'pip.test',
    '[fd00::5]:8080',
    '2001:db8::5',
    'go.test',
  ])
})
