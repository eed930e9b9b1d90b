import { describe, expect, it } from 'vitest'
import { bridgeEnvironment, runnerEnvironment } from '../../../../../../lib/drivers/sandbox/process/environment.ts'
import { runFolder, sandboxFolder } from '../../../../../../lib/drivers/sandbox/process/layout.ts'

const record = {
  installationId: 'ins_1',
  agentId: 'agt_1',
  incarnation: 'inc_1',
  programs: '/data/sandboxes/programs/1',
  runFolder: '/tmp/berth-inc_1',
  bridgeTokenSha256: 'a'.repeat(64),
  agentEnv: { PROJECT: 'berth', HOME: '/elsewhere', PATH_TO: 'x' },
}
const files = sandboxFolder('/data/sandboxes', record)
const machine = {
  PATH: '/work/berth/node_modules/.bin:/usr/lib/node_modules/npm/node_modules/run/bin:/usr/local/bin:/usr/bin:/bin',
  LANG: 'de_DE.UTF-8',
  PIP_CERT: '/etc/company.pem',
}

describe('the environment of commands', () => {
  const environment = runnerEnvironment({ machine, hasExtraCa: false, record, files })

  it("has the agent's own folders, then the answers and programs of Berth, then the machine's without npm's", () => {
    const home = '/data/sandboxes/ins_1/agt_1/home'
    expect(environment.PATH?.split(':')).toEqual([
      `${home}/.venv/bin`,
      `${home}/.npm-global/bin`,
      `${home}/.local/bin`,
      `${home}/.cargo/bin`,
      `${home}/go/bin`,
      '/data/sandboxes/programs/1/shims',
      '/data/sandboxes/programs/1/bin',
      '/usr/local/bin',
      '/usr/bin',
      '/bin',
    ])
    expect(environment.HOME).toBe(home)
    expect(environment.TMPDIR).toBe('/tmp/berth-inc_1/tmp')
  })

  it('has what the person gave, and leaves the proxy to be named by the bridge, which knows its port', () => {
    expect(environment).toMatchObject({ PROJECT: 'berth', NODE_USE_ENV_PROXY: '1', LANG: 'de_DE.UTF-8' })
    expect(environment.NO_PROXY).toContain('localhost,127.0.0.1,::1,0.0.0.0,.localhost')
    expect(Object.keys(environment).filter((name) => /^https?_proxy$/i.test(name))).toEqual([])
  })

  it('keeps git and npm from the settings of the person and of the machine', () => {
    expect(environment).toMatchObject({
      GIT_CONFIG_NOSYSTEM: '1',
      NPM_CONFIG_PREFIX: '/data/sandboxes/ins_1/agt_1/home/.npm-global',
    })
  })

  it('trusts the extra certificates where the machine names none', () => {
    const trusting = runnerEnvironment({ machine, hasExtraCa: true, record, files })
    expect(trusting).toMatchObject({
      NODE_EXTRA_CA_CERTS: '/data/sandboxes/programs/1/extra-ca.pem',
      SSL_CERT_FILE: '/data/sandboxes/programs/1/ca.pem',
      PIP_CERT: '/etc/company.pem',
    })
  })
})

it('the bridge has its own variables and nothing of the agent', () => {
  const environment = bridgeEnvironment({ machine, hasExtraCa: false, record, files })
  expect(environment).toMatchObject({ BERTH_INCARNATION: 'inc_1', BERTH_PROXY_PORT: '0', BERTH_ISOLATED: 'no' })
  expect(Object.keys(environment)).not.toContain('PROJECT')
})

describe('the run folder', () => {
  it("lies in the system's temporary folder, or in /tmp where that has a long path", () => {
    expect(runFolder('inc_1', '/var/tmp')).toBe('/var/tmp/berth-inc_1')
    expect(runFolder('inc_1', `/${'a'.repeat(40)}`)).toBe('/tmp/berth-inc_1')
  })

  it('has no name that is not an id', () => {
    expect(() => runFolder('../x')).toThrow('"../x" is no id')
    expect(() => sandboxFolder('/data', { ...record, agentId: '..' })).toThrow('".." is no id')
  })
})
