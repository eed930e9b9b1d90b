/**
 * What a hostile agent gets: nothing. One scripted run tries, as the agent's own commands, to reach the bridge, the keys, the
 * network and root; each test looks at what it was answered, and at what the engine shows of the container.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bridgeToken } from '../../lib/services/sandbox/connection.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { createWatchedAgent, type WatchedAgent } from '../support/e2e-agent.ts'
import type { ShownContainer } from '../support/e2e-engine.ts'
import { FORGE_TOKEN, MODEL_KEY } from '../support/e2e-outside.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const BRIDGE = 'curl -sS --unix-socket /run/berth-bridge/bridge.sock'
const STATUS = `-o /dev/null -w '%{http_code}\\n'`
const UNLISTED = 'files.unlisted.example'

/** What the agent tries, by the id of its tool call. */
const attempts = {
  readState: 'ls -a /state; cat /state/*; cd /state',
  readBridge: 'for p in $(pgrep -u 990); do cat /proc/$p/environ; ls /proc/$p/fd; head -c 1 /proc/$p/mem; done',
  signalBridge: 'for p in $(pgrep -u 990); do for s in TERM KILL STOP HUP; do kill -$s $p; done; done',
  traceBridge: `python3 -c '
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)
for pid in subprocess.check_output(["pgrep", "-u", "990"]).split():
    print("ptrace", libc.ptrace(16, int(pid), 0, 0), ctypes.get_errno())'`,
  speakToBridge: [
    `${BRIDGE} ${STATUS} http://bridge/health`,
    `${BRIDGE} ${STATUS} http://bridge/agent/events`,
    `${BRIDGE} ${STATUS} -H 'authorization: Bearer guessed' http://bridge/agent/status`,
    `${BRIDGE} ${STATUS} -X POST -H 'content-type: application/json' -d '{}' http://bridge/agent/execute`,
    `${BRIDGE} ${STATUS} -H 'connection: upgrade' -H 'upgrade: berth-tunnel' 'http://bridge/tunnel?kind=control&fence=999'`,
  ].join('; '),
  replaceSocket: 'rm -f /run/berth-bridge/bridge.sock; mv /run/berth-bridge/bridge.sock /tmp/; touch /run/berth/x',
  replacePrograms: 'echo x > /opt/berth/bridge.cjs; rm -f /opt/berth/bin/node; touch /etc/x',
  askModel: 'curl -sS -w "%{http_code}\\n" http://model.berth/api/v1/models',
  openPullRequest: 'curl -sS -w "%{http_code}\\n" -d "{}" http://forge.berth/pull-request',
  reachUnlisted: `curl -sS https://${UNLISTED}/`,
  reachUnlistedPlainly: `curl -sS http://${UNLISTED}/`,
  reachMetadata: 'curl -sS http://169.254.169.254/latest/meta-data/',
  reachDirectly: `ls /sys/class/net; curl --noproxy '*' -sS --max-time 5 http://192.0.2.1/`,
  pushElsewhere: 'git push origin $(git commit-tree HEAD^{tree} -p HEAD -m x):refs/heads/main',
  pushTag: 'git push origin HEAD:refs/tags/v9',
  findKeys: `env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; cat ~/.gitconfig .git/config 2>/dev/null`,
  becomeRoot: 'id -u; grep -E "^(Cap|NoNewPrivs)" /proc/self/status; unshare --map-root-user --net true',
  useApt: 'apt install jq',
  useSudo: 'sudo id',
  useDocker: 'docker ps',
  note: 'echo written before > before.txt',
  killEverything: 'kill -9 -1',
  afterwards: 'cat before.txt; pgrep -c -u 1000 -f /opt/berth/runner.cjs',
} as const
type Attempt = keyof typeof attempts

const asCall = ([id, command]: [string, string]) => ({ ...runCommand(command, 20), id })

let installation: TestInstallation
let agent: WatchedAgent
let shown: ShownContainer
let secrets: string[]

const answerTo = (attempt: Attempt) => agent.result(attempt).output

beforeAll(async () => {
  installation = await startInstallation({
    script: [
      { text: 'I try everything.', toolCalls: Object.entries(attempts).map(asCall) },
      { text: 'None of it worked.' },
    ],
    delayMs: 0,
  })
  const { api, engine, parts } = installation
  agent = await createWatchedAgent(api, { githubRepo: sampleCase.repo, task: 'Get out.', autoPullRequest: false })
  const { run } = await api.startAgent(agent.id)
  await agent.untilRunIsOver(run.id)
  shown = await engine.inspect(agent.id)
  const { secretKey, sessionSecret } = parts.settings
  const incarnation = (await parts.stores.agents.find(agent.id))?.incarnation ?? ''
  const token = bridgeToken(secretKey ?? '', agent.id, incarnation)
  secrets = [MODEL_KEY, FORGE_TOKEN, api.token, token, secretKey ?? '', sessionSecret ?? '']
})
afterAll(async () => {
  agent?.unwatch()
  await installation?.close()
})

describe('docker inspect', () => {
  it('shows no network and no way to one', () => {
    expect(shown.HostConfig).toMatchObject({ NetworkMode: 'none', PublishAllPorts: false })
    expect(shown.HostConfig.PortBindings ?? {}).toEqual({})
    expect(Object.keys(shown.NetworkSettings.Networks)).toEqual(['none'])
  })

  it('shows no capability, no device and nothing shared with the host', () => {
    expect(shown.HostConfig).toMatchObject({
      CapDrop: ['ALL'],
      Privileged: false,
      ReadonlyRootfs: true,
      SecurityOpt: ['no-new-privileges:true'],
      PidMode: '',
      IpcMode: 'private',
      PidsLimit: 512,
    })
    for (const field of ['CapAdd', 'Devices', 'Binds', 'VolumesFrom']) expect(shown.HostConfig[field] ?? []).toEqual([])
    expect(shown.Config.User).toBe('990:990')
  })

  it('shows one folder of the host, the socket’s, and the agent’s own volumes', () => {
    const folders = shown.Mounts.filter(({ Type }) => Type === 'bind')
    expect(folders.map(({ Destination }) => Destination)).toEqual(['/run/berth-bridge'])
    expect(folders[0]?.Source).toContain(`${installation.parts.settings.dataDirectory}/sockets/`)
    const volumes = shown.Mounts.filter(({ Type }) => Type === 'volume').map(({ Destination }) => Destination)
    expect(volumes.toSorted()).toEqual(['/home/agent', '/state', '/workspace'])
  })

  it('shows no key, no token and no secret, in whatever field', () => {
    const everything = JSON.stringify(shown)
    expect(secrets.filter((secret) => secret.length < 20)).toEqual([])
    expect(secrets.filter((secret) => everything.includes(secret))).toEqual([])
  })
})

describe('a command in the sandbox', () => {
  it('cannot read what is the bridge’s', () => {
    expect(answerTo('readState').match(/Permission denied/g)).toHaveLength(3)
    const denials = answerTo('readBridge').match(/Permission denied/g) ?? []
    expect(denials.length).toBeGreaterThanOrEqual(6)
    expect(answerTo('readBridge')).not.toMatch(/BERTH_/)
  })

  it('cannot signal or trace the bridge', () => {
    const answers = answerTo('signalBridge')
    expect(answers.match(/Operation not permitted/g)?.length).toBeGreaterThanOrEqual(8)
    const traces = answerTo('traceBridge').match(/ptrace \S+ \d+/g) ?? []
    expect(traces.length).toBeGreaterThanOrEqual(2)
    // EPERM, for each of the bridge's processes.
    expect(new Set(traces)).toEqual(new Set(['ptrace -1 1']))
  })

  it('reaches the bridge’s socket and is answered 401 by every route', () => {
    expect(answerTo('speakToBridge').match(/^\d{3}$/gm)).toEqual(['401', '401', '401', '401', '401'])
  })

  it('cannot put anything in the place of the bridge’s socket or programs', () => {
    expect(answerTo('replaceSocket').match(/Operation not permitted|Permission denied/g)).toHaveLength(3)
    expect(answerTo('replacePrograms').match(/Read-only file system|Permission denied/g)).toHaveLength(3)
  })

  it('cannot ask the model or the forge in the bridge’s name', () => {
    expect(answerTo('askModel')).toMatch(/model\.berth is not for programs in the sandbox.*403/s)
    expect(answerTo('openPullRequest')).toMatch(/forge\.berth is not for programs in the sandbox.*403/s)
    expect(installation.model.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(2)
    expect(installation.forge.requests.filter(({ method, path }) => method === 'POST' && /pulls/.test(path))).toEqual(
      [],
    )
  })

  it('reaches no host that is not on the allow-list, and is told why and what to do', () => {
    for (const attempt of ['reachUnlisted', 'reachUnlistedPlainly'] as const) {
      const answer = answerTo(attempt)
      expect(answer).toContain(`${UNLISTED}:${attempt === 'reachUnlisted' ? 443 : 80} is not on the allow-list`)
      expect(answer).toContain(`add "${UNLISTED}" to the agent's egress.allow`)
    }
    expect(deniedHosts()).toEqual(expect.arrayContaining([`${UNLISTED}:443`, `${UNLISTED}:80`]))
    const event = agent.events.find(({ type, data }) => type === 'egress_denied' && data.host === UNLISTED)
    expect(event?.data).toMatchObject({ rule: 'not_on_allowlist', cure: expect.stringContaining(UNLISTED) })
  })

  it('reaches no metadata service and has no interface but its own', () => {
    expect(answerTo('reachMetadata')).toMatch(/169\.254\.169\.254:80 is not on the allow-list/)
    expect(deniedHosts()).toContain('169.254.169.254:80')
    expect(answerTo('reachDirectly')).toMatch(/^Exit code 7 .*\n\nlo\ncurl: \(7\) /)
  })

  it('can push nothing but the target branch', async () => {
    for (const attempt of ['pushElsewhere', 'pushTag'] as const) {
      expect(agent.result(attempt).detail.exitCode).not.toBe(0)
      expect(answerTo(attempt)).toMatch(/remote rejected|refused|rejected/)
    }
    const branches = await installation.forge.branches(sampleCase.repo)
    expect(branches.map(({ name }) => name)).toEqual(['main'])
  })

  it('finds no key in any environment or configuration that it can read', () => {
    const found = answerTo('findKeys')
    expect(found).toContain('HOME=/home/agent')
    expect(secrets.filter((secret) => found.includes(secret))).toEqual([])
    expect(found).not.toMatch(/^BERTH_TOKEN_SHA256=/m)
  })

  it('has no capability and no way to any', () => {
    const answer = answerTo('becomeRoot')
    expect(answer).toMatch(/^1000$/m)
    expect(answer.match(/^Cap\w+:\s+0{16}$/gm)).toHaveLength(5)
    expect(answer).toMatch(/^NoNewPrivs:\s+1$/m)
    expect(answer).toContain('unshare failed: Operation not permitted')
  })

  it('is told what to do instead of apt, sudo and docker', () => {
    expect(answerTo('useApt')).toContain('Install into your home instead: pip install')
    expect(answerTo('useSudo')).toContain('Run the command without sudo.')
    expect(answerTo('useDocker')).toContain('Run the program directly instead')
  })
})

describe('kill -9 -1 in the sandbox', () => {
  it('ends everything of the agent and not the run: the runner comes back and the next command works', () => {
    expect(agent.result('killEverything').outcome).toBe('error')
    expect(answerTo('afterwards')).toMatch(/^Exit code 0 .*written before\n1$/s)
    const ends = agent.events.filter(({ type }) => type === 'done')
    expect(ends.map(({ data }) => data.reason)).toEqual(['completed'])
    expect(installation.model.unscripted).toEqual([])
  })
})

const deniedHosts = () =>
  agent.events.filter(({ type }) => type === 'egress_denied').map(({ data }) => `${data.host}:${data.port}`)
