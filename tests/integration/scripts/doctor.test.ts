import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { takeInstanceLock } from '../../../lib/composition/instance-lock.ts'
import { removeEmbeddedServer, startEmbeddedServer } from '../../../lib/store/embedded/server.ts'
import { listChecks } from '../../../scripts/doctor/all-checks.ts'
import { readEnvironment } from '../../../scripts/doctor/config.ts'
import { judge, renderJson } from '../../../scripts/doctor/render.ts'
import { type CheckResult, runChecks } from '../../../scripts/doctor/run-checks.ts'
import { projectDirectory } from '../../../scripts/project-directory.ts'
import { startModel } from '../../../scripts/stand-ins/model/start-model.ts'
import { AGENT_IMAGE, type DoctorRig, startDoctorRig } from '../../support/doctor-rig.ts'
import { startEngineStandIn } from '../../support/engine-stand-in.ts'

/** Far more than any answer that is waited for. */
const DEADLINE_MS = 15_000

let rig: DoctorRig
beforeAll(async () => {
  rig = await startDoctorRig()
})
afterAll(() => rig.close())

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** What the doctor says of the rig with `change` in its environment; undefined takes a variable out. */
async function examine(change: Record<string, string | undefined> = {}): Promise<CheckResult[]> {
  const env = Object.fromEntries(Object.entries({ ...rig.env, ...change }).filter(([, value]) => value !== undefined))
  return runChecks(listChecks(readEnvironment(rig.root, env), rig.root), DEADLINE_MS)
}

const findingsOf = (results: CheckResult[], id: string) => results.find((result) => result.id === id)?.findings ?? []

async function listen(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** `npm run doctor` without npm: its exit code and what it says. */
function run(
  args: string[],
  change: Record<string, string> = {},
): Promise<{ code: number; output: string; words: string }> {
  const script = path.join(projectDirectory, 'scripts/doctor.ts')
  const env = { ...rig.env, ...change } as unknown as NodeJS.ProcessEnv
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env, cwd: projectDirectory }, (error, output, words) =>
      resolve({ code: error === null ? 0 : Number(error.code), output, words }),
    )
  })
}

describe('a set-up in which nothing is wrong', () => {
  it('can do the main job; each thing was asked once, and nothing was changed', async () => {
    rig.forge.requests.length = 0
    rig.model.requests.length = 0
    rig.engine.requests.length = 0
    const before = await readdir(rig.root)
    const results = await examine()
    expect(judge(results)).toEqual({ canRun: true, because: [] })
    const ok = (found: string | RegExp) =>
      expect.objectContaining({ severity: 'ok', found: expect.stringMatching(found) })
    expect(findingsOf(results, 'engine')).toEqual([ok(/^Docker 28\.2\.2 \(API 1\.50, overlay2, cgroup v2\) at unix:/)])
    expect(findingsOf(results, 'image')).toEqual([ok(`${AGENT_IMAGE} is there`)])
    expect(findingsOf(results, 'database')).toEqual([ok(/ up to date$/)])
    expect(findingsOf(results, 'model')).toEqual([ok(/takes the key; \$20\.00 of \$20\.00 left/), ok(/ is there$/)])
    expect(findingsOf(results, 'github')).toEqual([ok("octocat's token, with the scopes repo")])
    expect(findingsOf(results, 'clock')).toEqual([ok(/^agrees with 127\.0\.0\.1:/)])
    expect(findingsOf(results, 'node')).toEqual([ok(/ 20\.18\.1 runs npm$/)])
    expect(rig.forge.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /api/v3/user'])
    expect(rig.model.requests.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
      'GET /api/v1/key',
      'GET /api/v1/models',
    ])
    expect(rig.engine.requests.filter((line) => !line.startsWith('GET '))).toEqual([])
    expect(await readdir(rig.root)).toEqual(before)
    expect(await readdir(rig.dataDirectory)).toEqual([])
  })

  it('is found all the same while it is running, and left running', async () => {
    const dataDirectory = path.join(rig.root, 'running')
    await mkdir(dataDirectory, { mode: 0o700 })
    const lock = await takeInstanceLock(dataDirectory, new AbortController().signal)
    cleanups.push(() => lock.release())
    await lock.tellAddress('http://127.0.0.1:4321')
    const database = await startEmbeddedServer({ dataDirectory })
    cleanups.push(() => removeEmbeddedServer(dataDirectory))
    const results = await examine({ BERTH_DATA_DIR: dataDirectory, DATABASE_URL: undefined })
    expect(findingsOf(results, 'port')).toEqual([
      { severity: 'ok', found: `Berth runs at http://127.0.0.1:4321 (process ${process.pid})` },
    ])
    expect(findingsOf(results, 'database')).toEqual([
      expect.objectContaining({ severity: 'ok', found: expect.stringMatching(/, running, \d+ migrations pending/) }),
    ])
    expect((await startEmbeddedServer({ dataDirectory })).url).toBe(database.url)
  })
})

interface Breakage {
  what: string
  break(): Promise<Record<string, string | undefined>> | Record<string, string | undefined>
  check: string
  severity: 'warning' | 'problem'
  found: RegExp
  advice: RegExp
}

const envFile = (text: string) => async () => {
  await writeFile(path.join(rig.root, '.env'), text)
  cleanups.push(() => rm(path.join(rig.root, '.env'), { recursive: true }))
  return {}
}

const databaseAt = (change: (url: URL) => void) => () => {
  const url = new URL(rig.database.url)
  change(url)
  return { DATABASE_URL: url.href }
}

const engineWith = (options: Partial<Parameters<typeof startEngineStandIn>[0]>) => async () => {
  const folder = path.join(rig.root, 'engine')
  await mkdir(folder)
  cleanups.push(() => rm(folder, { recursive: true }))
  const engine = await startEngineStandIn({ folder, images: [AGENT_IMAGE], ...options })
  cleanups.push(() => engine.close())
  return { DOCKER_HOST: engine.address }
}

const answerUser = (headers: Record<string, string>) => async () => {
  rig.forge.fail({ match: 'GET /api/v3/user', status: 200, headers, body: { login: 'ada' } })
  return {}
}

const breakages: Breakage[] = [
  {
    what: 'no engine',
    break: () => ({ DOCKER_HOST: 'unix:///no/such/engine.sock' }),
    check: 'engine',
    severity: 'problem',
    found: /engine at unix:\/\/\/no\/such\/engine\.sock cannot be reached \(.*ENOENT\)/,
    advice: /sudo systemctl start docker/,
  },
  {
    what: 'an engine that limits nothing',
    break: engineWith({ info: { MemoryLimit: false, SecurityOptions: [] } }),
    check: 'engine',
    severity: 'warning',
    found: /cannot limit a sandbox's memory/,
    advice: /cgroup_enable=memory/,
  },
  {
    what: 'no agent image, and no way to one',
    break: () => ({ BERTH_AGENT_IMAGE: 'agent:none', BERTH_BASE_IMAGE: 'base.test/none:1' }),
    check: 'image',
    severity: 'problem',
    found: /agent:none is not made yet, and its base base\.test\/none:1 cannot be had: no such image here/,
    advice: /docker pull base\.test\/none:1.*BERTH_BASE_IMAGE/,
  },
  {
    what: 'an agent image that was not made yet',
    break: async () => ({
      ...(await engineWith({ images: [], inRegistry: ['base.test/there:1'] })()),
      BERTH_BASE_IMAGE: 'base.test/there:1',
    }),
    check: 'image',
    severity: 'warning',
    found: /is not made yet; its base base\.test\/there:1 can be pulled/,
    advice: /npm run build-container/,
  },
  {
    what: 'more CPUs than there are',
    break: () => ({ DEFAULT_CONTAINER_CPU: '64000000000' }),
    check: 'sandbox-size',
    severity: 'problem',
    found: /gives a sandbox 64 CPUs, and the engine has 8/,
    advice: /DEFAULT_CONTAINER_CPU to 8000000000/,
  },
  {
    what: 'more memory than there is',
    break: () => ({ DEFAULT_CONTAINER_MEMORY: '68719476736' }),
    check: 'sandbox-size',
    severity: 'warning',
    found: /may use 64\.0 GiB .* too little for one/,
    advice: /DEFAULT_CONTAINER_MEMORY/,
  },
  {
    what: 'a data folder that is a file',
    break: async () => {
      const file = path.join(rig.root, 'file')
      await writeFile(file, '')
      cleanups.push(() => rm(file))
      return { BERTH_DATA_DIR: file }
    },
    check: 'data-folder',
    severity: 'problem',
    found: /is a file/,
    advice: /BERTH_DATA_DIR/,
  },
  {
    what: 'a data folder that is open to all',
    break: async () => {
      const folder = path.join(rig.root, 'open')
      await mkdir(folder, { mode: 0o755 })
      cleanups.push(() => rm(folder, { recursive: true }))
      return { BERTH_DATA_DIR: folder }
    },
    check: 'data-folder',
    severity: 'warning',
    found: /entered by others \(mode 755\)/,
    advice: /chmod 700/,
  },
  {
    what: 'a database that is not running',
    break: databaseAt((url) => {
      url.port = '1'
    }),
    check: 'database',
    severity: 'problem',
    found: /cannot be used: .*ECONNREFUSED/,
    advice: /start the server, or correct host and port in DATABASE_URL/,
  },
  {
    what: 'a wrong password of the database',
    break: databaseAt((url) => {
      url.password = 'wrong-password'
    }),
    check: 'database',
    severity: 'problem',
    found: /password authentication failed/,
    advice: /user name and password in DATABASE_URL/,
  },
  {
    what: 'a database that nobody made',
    break: databaseAt((url) => {
      url.pathname = '/nobody_made_it'
    }),
    check: 'database',
    severity: 'problem',
    found: /"nobody_made_it" does not exist/,
    advice: /createdb/,
  },
  {
    what: 'a port that somebody else has',
    break: async () => ({ PORT: String(await listen(createServer())) }),
    check: 'port',
    severity: 'problem',
    found: new RegExp(`is taken by .+ \\(process ${process.pid}\\)\\.$`),
    advice: /PORT=\d+ npm start/,
  },
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
    break: async () => {
      const model = await startModel({ script: [], keyLimitUsd: 0 })
      cleanups.push(() => model.close())
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
    break: async () => {
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
    what: 'a certificate file that is not there',
    break: () => ({ BERTH_EXTRA_CA: '/no/such/ca.pem' }),
    check: 'certificates',
    severity: 'problem',
    found: /BERTH_EXTRA_CA: \/no\/such\/ca\.pem cannot be read \(ENOENT\)/,
    advice: /PEM file in BERTH_EXTRA_CA/,
  },
  {
    what: 'a wrong value',
    break: envFile('MAX_ITERATIONS=many\n'),
    check: 'settings',
    severity: 'problem',
    found: /MAX_ITERATIONS="many": must be a whole number above 0/,
    advice: /Correct MAX_ITERATIONS/,
  },
  {
    what: 'a misspelt variable',
    break: envFile('GITHUB_TOKN=x\n'),
    check: 'settings',
    severity: 'warning',
    found: /GITHUB_TOKN is no variable of Berth.*did you mean GITHUB_TOKEN\?/,
    advice: /\.env\.example/,
  },
  {
    what: 'a .env that is a folder',
    break: async () => {
      await mkdir(path.join(rig.root, '.env'))
      cleanups.push(() => rm(path.join(rig.root, '.env'), { recursive: true }))
      return {}
    },
    check: 'settings',
    severity: 'problem',
    found: /\.env is there and cannot be read \(EISDIR\)/,
    advice: /\.env/,
  },
  {
    what: 'no git',
    break: () => ({ PATH: '/no/such/folder' }),
    check: 'git',
    severity: 'warning',
    found: /not found/,
    advice: /sudo apt-get install git/,
  },
  {
    what: 'a clock that is an hour late',
    break: answerUser({ date: new Date(Date.now() + 3_600_000).toUTCString() }),
    check: 'clock',
    severity: 'warning',
    found: /is 3\d{3} s behind/,
    advice: /timedatectl set-ntp true/,
  },
  {
    what: 'no folder for temporary files',
    break: () => ({ TMPDIR: '/no/such/folder' }),
    check: 'disk',
    severity: 'warning',
    found: /No temporary file can be made in \/no\/such\/folder/,
    advice: /mkdir -p '\/no\/such\/folder'/,
  },
]

describe('someone who breaks one part of a set-up on purpose', () => {
  it.each(breakages)('is told what to do: $what', async ({ break: breakIt, check, severity, found, advice }) => {
    const results = await examine(await breakIt())
    expect(findingsOf(results, check)).toContainEqual(
      expect.objectContaining({
        severity,
        found: expect.stringMatching(found),
        advice: expect.stringMatching(advice),
      }),
    )
    // The one part and no other; what the machine itself lacks may be warned of.
    expect(judge(results).canRun).toBe(severity === 'warning')
    const others = results.filter(({ id }) => id !== check).flatMap(({ findings }) => findings)
    expect(others.filter(({ severity: other }) => other === 'problem')).toEqual([])
  })

  it('waits for nobody who never answers, and says who that is', async () => {
    const port = await listen(createServer(() => {}))
    const silent = `http://127.0.0.1:${port}`
    const results = await examine({
      DOCKER_HOST: `tcp://127.0.0.1:${port}`,
      DATABASE_URL: `postgres://ada:password@127.0.0.1:${port}/berth`,
      OPENROUTER_BASE_URL: silent,
      GITHUB_API_URL: silent,
    })
    const problem = (found: string | RegExp) =>
      expect.objectContaining({ severity: 'problem', found: expect.stringMatching(found) })
    expect(findingsOf(results, 'engine')).toEqual([problem(/did not answer within 8 s/)])
    expect(findingsOf(results, 'database')).toEqual([problem(/cannot be used: .*timeout/)])
    expect(findingsOf(results, 'model')).toEqual([problem(/cannot be reached \(no answer within 8 s\)/)])
    expect(findingsOf(results, 'github')).toEqual([problem(/cannot be reached \(no answer within 8 s\)/)])
  })
})

describe('npm run doctor', () => {
  it('ends with 0 when the main job can run, with 1 when it cannot, and with 2 for a wrong argument', async () => {
    const good = await run([])
    expect(good.output).toMatch(/\nThe main job can run\./)
    expect(good).toMatchObject({ code: 0, words: '' })
    const bad = await run(['--json'], { OPENROUTER_API_KEY: '' })
    expect(bad.code).toBe(1)
    expect(JSON.parse(bad.output)).toMatchObject({ canRun: false, because: ['there is no model key'] })
    expect(await run(['--jsn'])).toMatchObject({ code: 2, output: expect.stringContaining('unknown --jsn') })
  })

  it('says no secret, whether things are right or wrong', async () => {
    const proxies = { HTTPS_PROXY: 'http://ada:password-of-the-proxy@127.0.0.1:1' }
    const registry = { NPM_CONFIG_REGISTRY: 'https://ada:password-of-the-mirror@mirror.test' }
    const wrong = {
      ...proxies,
      ...registry,
      OPENROUTER_API_KEY: 'sk-or-v1-a-wrong-key-of-somebody',
      GITHUB_TOKEN: 'ghp_a_wrong_token_of_somebody',
      DATABASE_URL: 'postgres://ada:password-of-the-database@127.0.0.1:1/berth',
      BERTH_SECRET_KEY: 'too-short-a-secret',
    }
    const words = ['password-of-the', 'a-wrong-key', 'a_wrong_token', 'too-short', ...rig.secrets]
    // Before anything is blotted out: the checks themselves are to be discreet.
    const said = [renderJson(await examine()), renderJson(await examine(wrong))]
    const printed = await Promise.all([run([], wrong), run(['--json'], { ...proxies, ...registry })])
    for (const text of [...said, ...printed.map(({ output, words: errors }) => output + errors)]) {
      expect(words.filter((word) => text.includes(word))).toEqual([])
    }
  })
})
