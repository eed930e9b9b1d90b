import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readEnvironment, secretsOf } from '../../../../scripts/doctor/config.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'berth-doctor-'))
})
afterEach(() => rm(root, { recursive: true }))

describe('readEnvironment', () => {
  it('takes what is right even where something is wrong, .env behind the environment, and changes neither', async () => {
    await writeFile(path.join(root, '.env'), 'PORT=http\nHOST=0.0.0.0\nGIT_USER_NAME=Ada\nBERTH_DOCTOR_TEST=1\n')
    const { settings, wrong } = readEnvironment(root, { HOST: '127.0.0.1', MAX_ITERATIONS: '0' })
    expect(settings).toMatchObject({ port: 3000, host: '127.0.0.1', gitUser: { name: 'Ada' }, maxSteps: 15 })
    expect(wrong.map(({ variable }) => variable)).toEqual(['PORT', 'MAX_ITERATIONS'])
    expect(process.env.BERTH_DOCTOR_TEST).toBeUndefined()
  })

  it('goes on without a .env that cannot be read', async () => {
    await mkdir(path.join(root, '.env'))
    const { settings, wrong } = readEnvironment(root, {})
    expect(settings.port).toBe(3000)
    expect(wrong).toEqual([{ variable: '.env', words: expect.stringContaining('EISDIR') }])
  })

  it('knows what npm says, proxies in both cases, and the files of certificates in the order in which they count', () => {
    const environment = readEnvironment(root, {
      npm_config_user_agent: 'npm/10.9.2 node/v20.18.1',
      https_proxy: 'http://a',
      NO_PROXY: ' .corp ',
      SSL_CERT_FILE: '/s',
      BERTH_EXTRA_CA: '/b',
      NODE_EXTRA_CA_CERTS: ' ',
      TMPDIR: '/big',
    })
    expect(environment).toMatchObject({
      userAgent: 'npm/10.9.2 node/v20.18.1',
      proxies: [{ name: 'https_proxy', value: 'http://a' }],
      noProxy: '.corp',
      certificates: [
        { name: 'BERTH_EXTRA_CA', file: '/b' },
        { name: 'SSL_CERT_FILE', file: '/s' },
      ],
      temporaryDirectory: '/big',
    })
  })
})

describe('secretsOf', () => {
  it('knows keys, tokens and the passwords in addresses', () => {
    const secrets = secretsOf(
      readEnvironment(root, {
        OPENROUTER_API_KEY: 'the-model-key',
        GITHUB_TOKEN: 'the-token',
        BERTH_SECRET_KEY: 'the-secret-key-of-32-characters-',
        DATABASE_URL: 'postgres://ada:the%20password@db/x',
        HTTPS_PROXY: 'http://ada:100%25%zz@proxy:1',
        NPM_CONFIG_REGISTRY: 'https://ada:the-registry-password@mirror.test',
      }),
    )
    for (const secret of [
      'the-model-key',
      'the-token',
      'the-secret-key-of-32-characters-',
      'the%20password',
      'the password',
      '100%25%zz',
      'the-registry-password',
    ]) {
      expect(secrets).toContain(secret)
    }
  })
})
