import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { environmentVariables, machineVariables, readEnvFile, readSettings } from '../../../lib/config.ts'

describe('the settings', () => {
  it('refuse a kind of sandbox that is not built, instead of making another', () => {
    for (const kind of ['docker', 'process']) {
      expect(readSettings({ BERTH_SANDBOX: kind }, '/nowhere').sandbox).toBe(kind)
    }
    expect(readSettings({}, '/nowhere').sandbox).toBeNull()
    expect(() => readSettings({ BERTH_SANDBOX: 'kubernetes' }, '/nowhere')).toThrow(
      'BERTH_SANDBOX="kubernetes": must be docker, or process (not isolated): no other kind of sandbox is built yet',
    )
  })

  it('name every wrong variable at once', () => {
    expect(() => readSettings({ PORT: 'http', GITHUB_URL: 'github' }, '/nowhere')).toThrow(
      /PORT="http": [\s\S]*GITHUB_URL="github": /,
    )
  })

  it.each([
    ['PORT', 'http', 'must be a number from 0 to 65535'],
    ['PORT', '70000', 'must be a number from 0 to 65535'],
    ['MAX_ITERATIONS', '0', 'must be a whole number above 0'],
    ['DEFAULT_CONTAINER_MEMORY', '2GB', 'must be a number of bytes, 67108864 (64 MiB) or more: 2147483648 is 2 GiB'],
    ['DEFAULT_CONTAINER_MEMORY', '2048', 'must be a number of bytes, 67108864 (64 MiB) or more: 2147483648 is 2 GiB'],
    ['DEFAULT_CONTAINER_CPU', '2', 'must be billionths of a CPU, 10000000 or more: 1000000000 is one'],
    ['BERTH_DATA_DIR', '~/berth', 'must be written out: only a shell knows what ~ is'],
    ['BERTH_AGENT_IMAGE', 'my image', 'must be the name of an image, such as registry.example.com/agents:1'],
    ['BERTH_BASE_IMAGE', 'debian bookworm', 'must be the name of an image, such as debian:bookworm-slim'],
    ['NEXTAUTH_URL', 'example.com', 'must be an address such as https://example.com'],
    ['NEXTAUTH_URL', 'https://example.com/berth', 'must be an address without a path: the pages lie at its top'],
    ['GITHUB_URL', 'github', 'must be an address such as https://example.com'],
    ['DOCKER_HOST', 'nope', 'must begin with unix://, tcp://, http:// or https://'],
    [
      'BERTH_EGRESS_ALLOW',
      'http://a/b',
      'must be host names with commas between, such as files.example.com,*.example.org',
    ],
    ['BERTH_EGRESS_ALLOW', 'a b', 'must be host names with commas between, such as files.example.com,*.example.org'],
  ])('say what is allowed: %s=%s', (name, value, words) => {
    expect(() => readSettings({ [name]: value }, '/nowhere')).toThrow(
      `The environment has a wrong value:\n  ${name}="${value}": ${words}`,
    )
  })

  it('say what a database address looks like', () => {
    expect(() => readSettings({ DATABASE_URL: 'mysql://a' }, '/nowhere')).toThrow(
      'DATABASE_URL=(hidden): must be postgres://user:password@host:5432/database',
    )
  })

  it.each([
    'postgres://ada:p/w@db.test/berth',
    'postgres://ada:p#w@db.test/berth',
    'postgres://ada:p@w#x@db.test/berth',
    'postgres://ada:p?w@db.test/berth',
  ])('say how a password is written in a database address: %s', (address) => {
    expect(() => readSettings({ DATABASE_URL: address }, '/nowhere')).toThrow(
      'In a password, # is written %23, / is %2F, ? is %3F, @ is %40, % is %25',
    )
  })

  it('keep what may be a secret out of the words', () => {
    const environment = { HTTPS_PROXY: 'socks5://ada:hunter2@proxy:1080', BERTH_SECRET_KEY: 'hunter2' }
    let words = ''
    try {
      readSettings(environment, '/nowhere')
    } catch (error) {
      words = String(error)
    }
    expect(words).toContain('HTTPS_PROXY=(hidden)')
    expect(words).toContain('BERTH_SECRET_KEY=(hidden)')
    expect(words).not.toContain('hunter2')
  })

  it.each(['NPM_CONFIG_REGISTRY', 'PIP_INDEX_URL', 'UV_INDEX_URL', 'GOPROXY'])(
    'refuse a %s that cannot be read, and with it the credentials that are in it',
    (name) => {
      const read = () => readSettings({ [name]: 'https://ada:hunter2@mirror.test:99999999/' }, '/nowhere')
      expect(read).toThrow(`${name}=(hidden): must be `)
      expect(read).not.toThrow(/hunter2/)
    },
  )

  it('take a list of Go proxies with its words, and a host without https://', () => {
    const list = 'https://a.test/go,b.test|direct'
    expect(readSettings({ GOPROXY: list }, '/nowhere').registries).toEqual({ GOPROXY: list })
  })

  it('take the company’s proxies in either case, and NO_PROXY as a list', () => {
    const { proxy } = readSettings(
      { HTTPS_PROXY: 'http://a.test:1/', http_proxy: 'http://b.test:2', NO_PROXY: ' .Corp.test, 10.0.0.0/8,,x' },
      '/nowhere',
    ).egress
    expect(proxy).toEqual({
      https: 'http://a.test:1',
      http: 'http://b.test:2',
      noProxy: ['.corp.test', '10.0.0.0/8', 'x'],
    })
  })

  it.each([
    'mirror.test',
    '*.mirror.test',
    'mirror.test:8081',
    'under_score.test',
    '10.0.0.5',
    'fd00::5',
    '[fd00::5]:8081',
  ])('take %s as a host of an egress list', (host) => {
    expect(readSettings({ BERTH_EGRESS_INTERNAL_HOSTS: host }, '/nowhere').egress.internalHosts).toEqual([host])
  })

  it.each(['b\u00fccher.test', 'user@mirror.test', 'mirror.test:port', '*', '[fd00::5]x'])(
    'refuse %s as such',
    (host) => {
      expect(() => readSettings({ BERTH_EGRESS_ALLOW: host }, '/nowhere')).toThrow(
        'must be host names with commas between',
      )
    },
  )
})

describe('the .env file', () => {
  it('may begin with the mark that some editors put there', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'berth-env-'))
    try {
      await writeFile(path.join(root, '.env'), '\uFEFFPORT=4000\r\nHOST=127.0.0.1\r\n')
      expect(readEnvFile(root)).toEqual({ PORT: '4000', HOST: '127.0.0.1' })
    } finally {
      await rm(root, { recursive: true })
    }
  })

  it('may be missing, and is refused in words where it cannot be read', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'berth-env-'))
    try {
      expect(readEnvFile(root)).toEqual({})
      await writeFile(path.join(root, '.env'), 'PORT="4000" # words\nGIT_USER_NAME=Ada L\n')
      expect(readEnvFile(root)).toEqual({ PORT: '4000', GIT_USER_NAME: 'Ada L' })
      await rm(path.join(root, '.env'))
      await mkdir(path.join(root, '.env'))
      expect(() => readEnvFile(root)).toThrow(
        'The environment has a wrong value:\n  .env is there and cannot be read (EISDIR): it must be a file that this user can read.',
      )
    } finally {
      await rm(root, { recursive: true })
    }
  })
})

describe('what a sandbox that is a process sees of the environment', () => {
  it('is where programs lie, the language and the certificates, and no key, token, password or address', () => {
    const secrets = [...environmentVariables, 'AWS_SECRET_ACCESS_KEY', 'SSH_AUTH_SOCK', 'GH_TOKEN', 'NODE_OPTIONS']
    const environment = Object.fromEntries(secrets.map((name) => [name, 'a secret']))
    const shown = machineVariables({ ...environment, PATH: '/bin', LANG: 'C.UTF-8', TZ: '' })
    expect(shown).toEqual({
      PATH: '/bin',
      LANG: 'C.UTF-8',
      NODE_EXTRA_CA_CERTS: 'a secret',
      SSL_CERT_FILE: 'a secret',
    })
  })
})
