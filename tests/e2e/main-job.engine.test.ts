/**
 * The main job over the public API, on a real container, database and git: a task becomes a pull request; the same agent goes
 * on, sleeps without a container, comes back, and is gone without a trace. In the order of the tests.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AgentView, EventView } from '../../lib/services/agent/schemas.ts'
import { compareDiffs, computeExpectedDiff } from '../../scripts/demo/case.ts'
import { scriptCase } from '../../scripts/demo/case-script.ts'
import { assertWentFromRedToGreen } from '../../scripts/demo/play-case.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { DEFAULT_CATALOGUE } from '../../scripts/stand-ins/model/catalogue.ts'
import { contentText, type ScriptStep } from '../../scripts/stand-ins/model/script.ts'
import type { RecordedModelRequest } from '../../scripts/stand-ins/model/start-model.ts'
import { countUsage } from '../../scripts/stand-ins/model/wire.ts'
import { createWatchedAgent, type WatchedAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { listSocketFolders } from '../support/e2e-engine.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const INSTRUCTION = 'Say in the README how rounding works.'
const KEEP = 'Keep notes that nobody commits.'
const LIMITED = 'Count to two, a step at a time.'
const SETUP = 'echo "set up by $(id -u) in $PWD" | tee -a ~/setup.txt'
const SET_UP = 'set up by 1000 in /workspace'
const usage = (promptTokens: number, completionTokens: number, costUsd: number) => ({
  usage: { promptTokens, completionTokens, costUsd },
})

const onTheSample: ScriptStep[] = [
  ...scriptCase(sampleCase),
  {
    text: 'One more line.',
    toolCalls: [runCommand("printf '\\nSeconds are rounded before they are split.\\n' >> README.md")],
    ...usage(1_000, 100, 0.05),
  },
  { text: 'The README says it.', ...usage(2_000, 200, 0.07) },
]
const onNotes: ScriptStep[] = [
  {
    text: 'I write something down.',
    toolCalls: [
      {
        ...runCommand(
          "cat ~/setup.txt; printf draft > notes.txt; printf '\\nunfinished\\n' >> README.md; printf kept > ~/home.txt",
        ),
        id: 'write',
      },
    ],
  },
  { text: 'Written down.' },
  {
    text: 'What is there?',
    toolCalls: [
      { ...runCommand('cat notes.txt ~/home.txt ~/setup.txt; git status --porcelain; tail -1 README.md'), id: 'look' },
    ],
  },
  { text: 'Everything is there.' },
]

const onCounting: ScriptStep[] = [
  { text: 'One.', toolCalls: [runCommand('echo one > count.txt')] },
  { text: 'Two.', toolCalls: [runCommand('echo two >> count.txt; cat count.txt')] },
  { text: 'Counted.' },
]

let installation: TestInstallation
let agent: WatchedAgent
let container: string

beforeAll(async () => {
  const script = { [sampleCase.task]: onTheSample, [KEEP]: onNotes, [LIMITED]: onCounting }
  installation = await startInstallation({ script, delayMs: 2 })
})
afterAll(async () => {
  await installation?.close()
})

describe('a task on a repository', () => {
  it('becomes a pull request with the expected diff and the evidence for it', async () => {
    const { api, forge } = installation
    agent = await createWatchedAgent(api, { githubRepo: sampleCase.repo, task: sampleCase.task, name: 'Carry seconds' })
    const { run } = await api.startAgent(agent.id)
    const done = await agent.untilRunIsOver(run.id)
    expect(done.data).toMatchObject({ reason: 'completed', steps: 9 })
    assertWentFromRedToGreen(agent.events, sampleCase.test)

    const [pull, ...more] = await forge.pullRequests(sampleCase.repo)
    const view = await api.getAgent(agent.id)
    expect(more).toEqual([])
    expect(pull).toMatchObject({ title: 'Carry seconds', state: 'open', base: 'main', head: view.targetBranch })
    expect(view.pullRequest).toEqual({ number: pull?.number, url: pull?.url, title: pull?.title })
    expect(pull?.body).toContain('`node --test`')
    const expected = await computeExpectedDiff({
      directory: forge.directoryOf(sampleCase.repo),
      branch: 'main',
      edits: sampleCase.edits,
    })
    expect(compareDiffs(pull?.diff ?? '', expected)).toMatchObject({ equal: true })
    const changed = (sign: string) =>
      expected.split('\n').filter((line) => line.startsWith(sign) && !line.startsWith(sign.repeat(3)))
    expect(view).toMatchObject({ status: 'READY', additions: changed('+').length, deletions: changed('-').length })
    container = (await installation.engine.inspect(agent.id)).Id
  })

  it('leaves a log without gap or double, the same in the stream as in the pages', async () => {
    const stored = await installation.api.listEvents(agent.id)
    expect(stored.map(({ seq }) => seq)).toEqual(wholeNumbers(stored))
    expect(agent.events).toEqual(stored)
    expect(stored.filter(({ type }) => type === 'done')).toHaveLength(1)
    const calls = stored.filter(({ type }) => type === 'tool_call').map(({ data }) => data.toolCallId)
    const results = stored.filter(({ type }) => type === 'tool_result').map(({ data }) => data.toolCallId)
    expect(results.toSorted()).toEqual(calls.toSorted())
    expect(stored.filter(({ type }) => ['error', 'egress_denied'].includes(type))).toEqual([])
  })

  it('costs what the provider said it cost', async () => {
    const { api } = installation
    const expected = chatRequests().map(usageOf)
    const [run] = await api.listRuns(agent.id)
    expect(expected).toHaveLength(9)
    expect(run).toMatchObject({
      inputTokens: sum(expected.map(({ prompt_tokens }) => prompt_tokens)),
      outputTokens: sum(expected.map(({ completion_tokens }) => completion_tokens)),
    })
    expect(run?.costUsd).toBeCloseTo(sum(expected.map(({ cost = 0 }) => cost)), 9)
    expect((await api.getAgent(agent.id)).costUsd).toBeCloseTo(run?.costUsd ?? 0, 9)
  })

  it('is not started a second time by a second start', async () => {
    const { run } = await installation.api.startAgent(agent.id)
    expect(run).toMatchObject({ status: 'ENDED', reason: 'completed' })
    expect(chatRequests()).toHaveLength(9)
  })
})

describe('the next instruction', () => {
  it('goes on in the same container, for a reader who comes back after every third event', async () => {
    const { api, engine, forge } = installation
    const before = agent.events.length
    const { run } = await api.resumeAgent(agent.id, INSTRUCTION)
    const pieces = await readInPieces({ agentId: agent.id, after: before, size: 3 })
    const done = await agent.untilRunIsOver(run.id)
    expect(done.data).toMatchObject({ reason: 'completed', steps: 2 })
    expect(pieces).toEqual(agent.events.slice(before))
    expect(pieces.map(({ seq }) => seq)).toEqual(wholeNumbers(agent.events).slice(before))
    expect((await engine.inspect(agent.id)).Id).toBe(container)
    const [pull, ...more] = await forge.pullRequests(sampleCase.repo)
    expect(more).toEqual([])
    expect(pull?.diff).toContain('+Seconds are rounded before they are split.')
    expect(agent.events.findLast(({ type }) => type === 'pull_request')?.data).toMatchObject({ action: 'updated' })
  })

  it('shows the model everything that was said and done before', () => {
    const request = chatRequests()[9]
    expect(saidBy('user', request)).toEqual([sampleCase.task, INSTRUCTION])
    const played = chatRequests().slice(0, 9)
    expect(saidBy('assistant', request)).toEqual(played.map(({ reply }) => reply?.text))
    const calls = (request?.request?.body.messages ?? []).flatMap(({ tool_calls = [] }) => tool_calls)
    expect(calls.map(({ function: { name } }) => name)).toEqual(
      played.flatMap(({ reply }) => reply?.toolCalls ?? []).map(({ name }) => name),
    )
    expect(saidBy('tool', request)).toHaveLength(calls.length)
    expect(saidBy('tool', request).join('\n')).toMatch(/Exit code 1 .*Exit code 0 /s)
  })

  it('adds its own cost and tokens to the agent’s', async () => {
    const { api } = installation
    const [latest, first] = await api.listRuns(agent.id)
    expect(latest).toMatchObject({ inputTokens: 3_000, outputTokens: 300, task: INSTRUCTION })
    expect(latest?.costUsd).toBeCloseTo(0.12, 9)
    expect((await api.getAgent(agent.id)).costUsd).toBeCloseTo((first?.costUsd ?? 0) + 0.12, 9)
  })
})

describe('a run that has come to its limit', () => {
  it('ends with the reason, and goes on where it was once the limit is raised', async () => {
    const { api } = installation
    const input = { githubRepo: sampleCase.repo, task: LIMITED, limits: { maxSteps: 1 }, autoPullRequest: false }
    const limited = await createWatchedAgent(api, input)
    const { run } = await api.startAgent(limited.id)
    expect((await limited.untilRunIsOver(run.id)).data).toMatchObject({ reason: 'step_limit', steps: 1 })

    const raised = await api.call('PATCH', `/api/agents/${limited.id}`, { limits: { maxSteps: 5 } })
    expect(raised).toMatchObject({ status: 200, body: { limits: { maxSteps: 5 } } })
    const { run: next } = await api.resumeAgent(limited.id, 'Go on')
    const done = await limited.untilRunIsOver(next.id)
    expect(done.data).toMatchObject({ reason: 'completed', summary: 'Counted.' })
    const results = limited.events.filter(({ type }) => type === 'tool_result')
    expect(results.at(-1)?.data.output).toMatch(/one\ntwo$/)
  })
})

describe('an agent without a container', () => {
  it('has none after stop, and keeps its volumes and history', async () => {
    const { api, engine, parts } = installation
    agent.unwatch()
    const input = { githubRepo: sampleCase.repo, task: KEEP, autoPullRequest: false, setupScript: SETUP }
    agent = await createWatchedAgent(api, input)
    const { run } = await api.startAgent(agent.id)
    await agent.until(
      'the output of the setup',
      ({ type, data }) => type === 'tool_output_delta' && data.delta === `${SET_UP}\n`,
    )
    await agent.untilRunIsOver(run.id)
    expect(agent.result('write').output).toContain(SET_UP)
    container = (await engine.inspect(agent.id)).Id
    const incarnation = (await parts.stores.agents.find(agent.id))?.incarnation
    expect(await listSocketFolders(parts.settings.dataDirectory)).toContain(incarnation)

    expect((await api.call('POST', `/api/agents/${agent.id}/stop`)).status).toBe(202)
    await agent.until('IDLE', ({ data }) => data.status === 'IDLE')
    expect(await engine.containers(agent.id)).toEqual([])
    expect(await engine.volumes(agent.id)).toHaveLength(3)
    expect(await listSocketFolders(parts.settings.dataDirectory)).not.toContain(incarnation)
    expect(await api.listEvents(agent.id)).toEqual(agent.events)
  })

  it('comes back in a new container with its files, uncommitted ones too, and the conversation', async () => {
    const { api, engine } = installation
    const { run } = await api.resumeAgent(agent.id, 'What did you keep?')
    await agent.untilRunIsOver(run.id)
    const { Id } = await engine.inspect(agent.id)
    expect(Id).not.toBe(container)
    const { output } = agent.result('look')
    // Set up once for the clone, not for each container.
    expect(output.split(SET_UP)).toHaveLength(2)
    for (const kept of ['draftkept', ' M README.md', '?? notes.txt', 'unfinished']) expect(output).toContain(kept)
    const request = chatRequests(KEEP)[2]
    expect(saidBy('user', request)).toEqual([KEEP, 'What did you keep?'])
    expect(saidBy('assistant', request)).toEqual(['I write something down.', 'Written down.'])
  })

  it('is gone without a trace after a purge', async () => {
    const { api, engine, parts } = installation
    expect((await api.call('DELETE', `/api/agents/${agent.id}?purge=true`)).status).toBe(204)
    expect((await api.call('GET', `/api/agents/${agent.id}`)).status).toBe(404)
    expect(await engine.containers(agent.id)).toEqual([])
    expect(await engine.volumes(agent.id)).toEqual([])
    expect(await parts.stores.events.listAfter({ agentId: agent.id, after: 0, limit: 10 })).toEqual([])
    expect(await parts.stores.runs.findLatest(agent.id)).toBeNull()
    const others = await Promise.all((await api.listAgents()).map(({ id }) => parts.stores.agents.find(id)))
    const kept = others.map((other) => other?.incarnation)
    expect((await listSocketFolders(parts.settings.dataDirectory)).toSorted()).toEqual(kept.toSorted())
  })

  it('never made the script go another way than it was written', () => {
    expect(installation.model.unscripted).toEqual([])
  })
})

function chatRequests(marker = sampleCase.task): RecordedModelRequest[] {
  return installation.model.requests.filter(({ request }) => request?.conversation.includes(marker))
}

function saidBy(role: string, recorded: RecordedModelRequest | undefined): string[] {
  const messages = recorded?.request?.body.messages ?? []
  return messages.filter((message) => message.role === role).map(({ content }) => contentText(content))
}

function usageOf({ request, reply }: RecordedModelRequest) {
  const model = DEFAULT_CATALOGUE.find(({ id }) => id === request?.body.model)
  if (request === null || reply === null || model === undefined) throw new Error('A model call went unanswered.')
  return countUsage(request.body, reply, model)
}

const sum = (figures: number[]) => figures.reduce((total, figure) => total + figure, 0)

/** Reads a run's stored events over many connections, each of `size` events, each begun with Last-Event-ID. */
async function readInPieces(input: { agentId: string; after: number; size: number }): Promise<EventView[]> {
  const events: EventView[] = []
  for (let over = false; !over; ) {
    const after = events.at(-1)?.seq ?? input.after
    const response = await fetch(`${installation.url}/api/agents/${input.agentId}/events`, {
      headers: { authorization: `Bearer ${installation.api.token}`, 'last-event-id': String(after) },
    })
    if (response.body === null) throw new Error(`The stream was answered ${response.status}.`)
    let left = input.size
    const lines = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { id, event: type, data } of lines) {
      const event = JSON.parse(data) as EventView
      expect(type).toBe(event.type)
      if (event.seq === 0) continue
      expect(id).toBe(String(event.seq))
      events.push(event)
      left -= 1
      const isDone = events.some((earlier) => earlier.type === 'done')
      over = isDone && event.type === 'status' && (event.data as Partial<AgentView>).status === 'READY'
      if (over || left === 0) break
    }
  }
  return events
}
