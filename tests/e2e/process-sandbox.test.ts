/**
 * BERTH_SANDBOX=process, from the start that warns to the pull request that says so: with a kill -9 of the control plane in the
 * middle of a run, and with a person's own keys and git settings around it, which are not for the agent.
 */
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { removeEmbeddedServer } from '../../lib/store/embedded/server.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { type WatchedAgent, watchAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { createE2eApi, type E2eApi } from '../support/e2e-api.ts'
import { FORGE_TOKEN, MODEL_KEY, type Outside, startOutside } from '../support/e2e-outside.ts'
import { type ControlPlaneProcess, makeToken, startControlPlaneProcess } from '../support/e2e-process.ts'
import { purgeAgents } from '../support/installation.ts'
import { findProcesses } from '../support/process-rig.ts'

const UNLISTED = 'http://files.unlisted.example/'

/** What the agent runs first, by the id of its tool call. */
const looks = {
  where: 'pwd; echo $HOME; echo $TMPDIR',
  env: 'env',
  git: 'git config --list --show-origin; git config user.name',
  refused: `node -e "fetch('${UNLISTED}').then(async (r) => console.log(r.status, await r.text()))"`,
  ssh: 'ssh -T git@forge.example',
  sudo: 'sudo id',
} as const

let outside: Outside
let base: string
let env: Record<string, string>
let plane: ControlPlaneProcess
let token: string
let agent: AgentView
let reader: WatchedAgent

const api = (): E2eApi => createE2eApi({ baseUrl: plane.url, token })
const dataDirectory = () => path.join(base, 'data')
const go = () => path.join(base, 'go')
/** As its own commands told. */
function folders(): { workspace: string; home: string; tmp: string } {
  const [workspace = '', home = '', tmp = ''] = output('where')
    .split('\n')
    .filter((line) => line.startsWith('/'))
  return { workspace, home, tmp }
}
const output = (look: keyof typeof looks) => reader.result(look).output

beforeAll(async () => {
  base = await mkdtemp(path.join(os.tmpdir(), 'berth-e2e-'))
  const person = path.join(base, 'person')
  await mkdir(person)
  await writeFile(
    path.join(person, '.gitconfig'),
    '[user]\n\tname = The Person\n[credential]\n\thelper = "!echo password=of-the-person"\n',
  )
  const wait = `echo begun; until test -e ${go()}; do sleep 0.05; done; echo kept > kept.txt; echo finished`
  const asCall = ([id, command]: [string, string]) => ({ ...runCommand(command, 20), id })
  outside = await startOutside({
    script: [
      { text: 'I look around.', toolCalls: Object.entries(looks).map(asCall) },
      { text: 'Now something long.', toolCalls: [{ ...runCommand(wait, 300), id: 'long' }] },
      { text: 'Everything is done.' },
    ],
  })
  env = {
    ...outside.env,
    BERTH_SANDBOX: 'process',
    BERTH_DATA_DIR: dataDirectory(),
    DOCKER_HOST: `unix://${base}/no-engine.sock`,
    HOME: person,
  }
  plane = await startControlPlaneProcess(env)
  token = await makeToken(env)
})
afterAll(async () => {
  reader?.unwatch()
  if (plane !== undefined) await purgeAgents(api())
  await plane?.stop()
  await outside?.close()
  if (base === undefined) return
  await removeEmbeddedServer(dataDirectory())
  await rm(base, { recursive: true, force: true })
})

describe('sandboxes that are processes', () => {
  it('are said to be not isolated when Berth starts, and of an agent before it has one', async () => {
    await expect.poll(() => plane.said()).toContain('!! NOT ISOLATED: agents run as ordinary processes of this machine')
    expect(await api().call('GET', '/api/health')).toMatchObject({
      body: { status: 'ok', driver: 'process', isolated: false, engine: { reachable: true } },
    })
    agent = await api().createAgent({ githubRepo: sampleCase.repo, task: 'Survive.' })
    expect(agent.isolated).toBe(false)
  })

  it('go on while the control plane is killed, and are found again: the run ends as if nothing had happened', async () => {
    await api().startAgent(agent.id)
    reader = watchAgent({ api: api(), agentId: agent.id })
    await reader.until(
      'the command at work',
      ({ type, data }) => type === 'tool_output_delta' && data.delta === 'begun\n',
    )
    await plane.kill()
    reader.unwatch()
    const [bridge] = findProcesses(`BERTH_AGENT_ID=${agent.id}`)
    expect(bridge).toBeDefined()
    await writeFile(go(), '')
    plane = await startControlPlaneProcess(env)
    reader = watchAgent({ api: api(), agentId: agent.id })
    const run = (await api().getAgent(agent.id)).run?.id ?? ''
    expect((await reader.untilRunIsOver(run)).data).toMatchObject({ reason: 'completed', steps: 3 })
    expect(findProcesses(`BERTH_AGENT_ID=${agent.id}`)).toContain(bridge)
    expect(reader.events.map(({ seq }) => seq)).toEqual(wholeNumbers(reader.events))
    expect(reader.result('long')).toMatchObject({ outcome: 'ok', output: expect.stringContaining('finished') })
  })

  it('bring a pull request that says so', async () => {
    const pulls = await outside.forge.pullRequests(sampleCase.repo)
    expect(pulls).toMatchObject([{ body: expect.stringContaining('**Not isolated:** the agent had no container.') }])
    expect(pulls[0]?.diff).toContain('+++ b/kept.txt')
  })
})

describe('what the agent finds around it', () => {
  it('is its own folders, of which it is told the truth', async () => {
    const folder = path.join(dataDirectory(), 'sandboxes')
    const { workspace, home, tmp } = folders()
    expect(workspace.startsWith(folder)).toBe(true)
    expect(home).toBe(path.join(path.dirname(workspace), 'home'))
    const prompt = JSON.stringify(
      outside.model.requests.find(({ request }) => request !== null)?.request?.body.messages[0],
    )
    for (const told of [workspace, home, tmp, 'No container: your commands are ordinary processes']) {
      expect(prompt).toContain(told)
    }
    expect(prompt).not.toContain('cloned in /workspace')
    expect(await readFile(path.join(workspace, 'kept.txt'), 'utf8')).toBe('kept\n')
  })

  it('is no key, no token and no password, and no setting of Berth', () => {
    const secrets = [MODEL_KEY, FORGE_TOKEN, 'DATABASE_URL', 'NEXTAUTH_', 'OPENROUTER_', 'GITHUB_TOKEN']
    for (const secret of secrets) expect(output('env')).not.toContain(secret)
    const names = output('env').match(/^BERTH_\w+/gm)
    expect(names).toEqual(['BERTH_COMMAND'])
  })

  it('is the proxy at the port that the bridge took, for every program that knows one', () => {
    const port = /^HTTPS_PROXY=http:\/\/127\.0\.0\.1:(\d+)$/m.exec(output('env'))?.[1]
    expect(Number(port)).toBeGreaterThan(0)
    for (const name of ['HTTP_PROXY', 'http_proxy', 'https_proxy']) {
      expect(output('env')).toContain(`\n${name}=http://127.0.0.1:${port}\n`)
    }
    expect(output('refused')).toMatch(/403 .*files\.unlisted\.example/)
  })

  it("is none of the person's own git settings, and no way to the person's keys or to root", () => {
    expect(output('git')).not.toContain('The Person')
    expect(output('git')).not.toContain('of-the-person')
    expect(output('ssh')).toContain(
      "ssh: this sandbox is a process on a person's machine, whose keys are not the agent's.",
    )
    expect(output('sudo')).toContain('agents are not given root there')
  })
})

describe('the end', () => {
  it('of an agent leaves no process and no file of it', async () => {
    await api().deleteAgent(agent.id, { purge: true })
    expect(findProcesses('', agent.id)).toEqual([])
    const sandboxes = path.join(dataDirectory(), 'sandboxes')
    const left = await readdir(sandboxes, { recursive: true })
    expect(left.filter((name) => name.includes(agent.id))).toEqual([])
    expect(existsSync(path.dirname(folders().tmp))).toBe(false)
  })

  it('of the installation can never be another driver: a start with docker is refused, and nothing is changed', async () => {
    expect(await plane.stop()).toBe(0)
    const refused = await startControlPlaneProcess({ ...env, BERTH_SANDBOX: 'docker' }).catch(String)
    expect(refused).toContain('The sandboxes of this installation are made by the process driver')
    expect(refused).toContain('BERTH_SANDBOX=docker asks for another')
    expect(existsSync(path.join(dataDirectory(), 'sockets'))).toBe(false)
    plane = await startControlPlaneProcess({ ...env, BERTH_SANDBOX: '' })
    await expect.poll(() => plane.said()).toContain('!! NOT ISOLATED')
  })
})
