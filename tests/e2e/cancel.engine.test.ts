/** Ending things before they end by themselves: a run, a start, and a start that cannot succeed. On a real container. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { CreateAgentInput, EventView } from '../../lib/services/agent/schemas.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { createWatchedAgent, type WatchedAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { listSocketFolders } from '../support/e2e-engine.ts'
import { FORGE_TOKEN } from '../support/e2e-outside.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const STUBBORN = `setsid bash -c 'trap "" TERM HUP INT; while true; do sleep 601; done' & (env -i setsid sleep 602 &); sleep 1; echo ready; sleep 600`
const FETCH = /^GET \/sample\/durations\.git\/info\/refs/
/** The contract says one second; a busy machine gets some more. */
const SOON_MS = 5_000

let installation: TestInstallation
let agent: WatchedAgent

beforeAll(async () => {
  installation = await startInstallation({
    script: {
      'Run for ever.': [
        { text: 'This takes long.', toolCalls: [{ ...runCommand(STUBBORN, 600), id: 'stubborn' }] },
        { text: 'What is left?', toolCalls: [{ ...runCommand('ps -u 1000 -o args='), id: 'left' }] },
        { text: 'Nothing.' },
      ],
      'Think for ever.': [
        { text: 'I think about it, and think, and think.', hangAfterChunks: 2 },
        { text: 'Thought.' },
      ],
      'Start me': [{ text: 'Started.' }],
    },
  })
})
afterEach(() => agent?.unwatch())
afterAll(async () => {
  await installation?.close()
})

const create = async (input: Partial<CreateAgentInput> & { task: string }) => {
  agent = await createWatchedAgent(installation.api, { githubRepo: sampleCase.repo, ...input })
}
const post = (verb: string) => installation.api.call('POST', `/api/agents/${agent.id}/${verb}`)
const isStatus = (status: string) => (event: EventView) => event.type === 'status' && event.data.status === status
const ends = () => agent.events.filter(({ type }) => type === 'done').map(({ data }) => data.reason)

describe('cancel', () => {
  it('ends a command with all that it started within seconds, once, and the container can go on', async () => {
    const { api, engine } = installation
    await create({ task: 'Run for ever.' })
    const { run } = await api.startAgent(agent.id)
    const isReady = ({ type, data }: EventView) => type === 'tool_output_delta' && String(data.delta).includes('ready')
    await agent.until('the command at work', isReady)
    const { Id } = await engine.inspect(agent.id)
    expect(await processesOf(agent.id)).toMatch(/(sleep 60[12]\n?){2}/)

    const asked = performance.now()
    const answers = await Promise.all([post('cancel'), post('cancel')])
    expect(answers.map(({ status }) => status)).toEqual([202, 202])
    await agent.until('done', ({ type }) => type === 'done')
    expect(performance.now() - asked).toBeLessThan(SOON_MS)
    await agent.untilRunIsOver(run.id)
    expect(ends()).toEqual(['cancelled'])
    await expect.poll(() => processesOf(agent.id), { timeout: SOON_MS }).not.toMatch(/sleep|trap/)
    expect(agent.result('stubborn').outcome).toBe('interrupted')
    expect((await engine.inspect(agent.id)).Id).toBe(Id)
    expect(agent.events.findLast(({ type }) => type === 'pull_request')?.data).toMatchObject({ action: 'skipped' })

    const resumed = await api.resumeAgent(agent.id, 'Look what is left.')
    await agent.untilRunIsOver(resumed.run.id)
    expect(ends()).toEqual(['cancelled', 'completed'])
    expect(agent.result('left').output).not.toMatch(/sleep/)
    expect((await engine.inspect(agent.id)).Id).toBe(Id)
    expect(agent.events.map(({ seq }) => seq)).toEqual(wholeNumbers(agent.events))
  })

  it('ends an answer of the model in the middle, at the provider too', async () => {
    const { api, model } = installation
    await create({ task: 'Think for ever.' })
    const { run } = await api.startAgent(agent.id)
    await agent.until('the answer begun', ({ type }) => type === 'text_delta')
    const hanging = model.requests.findLast(({ request }) => request?.conversation === 'Think for ever.')
    const asked = performance.now()
    expect((await post('cancel')).status).toBe(202)
    await agent.until('done', ({ type }) => type === 'done')
    expect(performance.now() - asked).toBeLessThan(SOON_MS)
    await agent.untilRunIsOver(run.id)
    expect(ends()).toEqual(['cancelled'])
    expect(hanging?.status).toBe(0)
    const resumed = await api.resumeAgent(agent.id, 'And now?')
    await agent.untilRunIsOver(resumed.run.id)
    expect(ends()).toEqual(['cancelled', 'completed'])
  })
})

describe('stop during a start', () => {
  it('gives up a clone that hangs and leaves no container and no socket; the agent can be used afterwards', async () => {
    const { api, engine, forge, parts } = installation
    await create({ task: 'Start me.' })
    forge.fail({ match: FETCH, hang: true })
    const fetches = () => forge.requests.filter(({ method, path }) => FETCH.test(`${method} ${path}`)).length
    const earlier = fetches()
    await api.startAgent(agent.id)
    await expect.poll(fetches, { timeout: 30_000 }).toBe(earlier + 1)
    const before = await listSocketFolders(parts.settings.dataDirectory)
    const asked = performance.now()
    expect((await post('stop')).status).toBe(202)
    await agent.until('IDLE', isStatus('IDLE'))
    expect(performance.now() - asked).toBeLessThan(SOON_MS)
    expect(ends()).toEqual(['cancelled'])
    expect(await engine.containers(agent.id)).toEqual([])
    expect(await listSocketFolders(parts.settings.dataDirectory)).toHaveLength(before.length - 1)

    const resumed = await api.resumeAgent(agent.id, 'Go on.')
    await agent.untilRunIsOver(resumed.run.id)
    expect(ends()).toEqual(['cancelled', 'completed'])
  })
})

describe('a start that cannot succeed', () => {
  const refusals = [
    { why: 'the repository is gone', code: 'repository_not_found', undo: () => {} },
    {
      why: 'the token is revoked',
      code: 'repository_forbidden',
      undo: () => installation.forge.setToken(FORGE_TOKEN, {}),
    },
  ]
  it.each(refusals)(
    'fails with stage, code and hint when $why, and a second start works',
    async ({ why, code, undo }) => {
      const { api, engine, forge } = installation
      await create({ task: `Start me although ${why}.` })
      if (code === 'repository_not_found') forge.fail({ match: FETCH, status: 404, body: 'Repository not found.' })
      else forge.setToken(FORGE_TOKEN, null)
      const { run } = await api.startAgent(agent.id)
      const failed = await agent.until('FAILED', isStatus('FAILED'))
      expect(failed.data).toMatchObject({ stage: 'clone', code, message: expect.stringContaining(sampleCase.repo) })
      const { status, statusDetail } = await api.getAgent(agent.id)
      expect({ status, ...statusDetail }).toMatchObject({ status: 'FAILED', code, hint: expect.stringMatching(/\w+/) })
      expect(ends()).toEqual(['failed'])
      expect(await engine.containers(agent.id)).toEqual([])

      undo()
      const again = await api.startAgent(agent.id)
      expect(again.run.id).not.toBe(run.id)
      await agent.untilRunIsOver(again.run.id)
      expect(ends()).toEqual(['failed', 'completed'])
      expect((await api.getAgent(agent.id)).status).toBe('READY')
    },
  )
})

/** Of the agent's user, as the engine sees them from outside of the run. */
function processesOf(agentId: string): Promise<string> {
  return installation.engine.exec(agentId, { user: '1000:1000', command: 'ps -u 1000 -o args= | grep -v "ps -u"' })
}
