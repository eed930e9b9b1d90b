import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
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
import { machineBreakages } from '../../support/doctor-breakages/machine.ts'
import { outsideBreakages } from '../../support/doctor-breakages/outside.ts'
import { AGENT_IMAGE, type DoctorRig, startDoctorRig } from '../../support/doctor-rig.ts'

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

describe('someone who breaks one part of a set-up on purpose', () => {
  it.each([...machineBreakages, ...outsideBreakages])(
    'is told what to do: $what',
    async ({ break: breakIt, check, severity, found, advice }) => {
      const results = await examine(await breakIt({ rig, defer: (undo) => cleanups.push(undo) }))
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
    },
  )

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
    expect(await run(['--jsn'])).toMatchObject({
      code: 2,
      output: '',
      words: expect.stringContaining('unknown --jsn'),
    })
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
