/** A reader of the event stream that stands still: what it costs the agent and the other readers, and how it catches up. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import { createWatchedAgent, type WatchedAgent, wholeNumbers } from '../support/e2e-agent.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const STEPS = 24
/** Together more than two sockets hold between them, and than is kept for a reader. */
const TEXT_CHARS = 200_000
const CUT_WITHIN_MS = 90_000

let installation: TestInstallation
let agent: WatchedAgent

beforeAll(async () => {
  const usage = { promptTokens: 10, completionTokens: 10 }
  installation = await startInstallation({
    delayMs: 0,
    script: {
      'Write much.': [
        ...Array.from({ length: STEPS }, (_item, index) => ({
          text: `${index} `.padEnd(TEXT_CHARS, 'x'),
          fragmentChars: 50_000,
          toolCalls: [runCommand(`echo ${index}`)],
          usage,
        })),
        { text: 'Written.', usage },
      ],
    },
  })
  const limits = { maxSteps: STEPS + 1, maxCostUsd: 1_000 }
  agent = await createWatchedAgent(installation.api, { githubRepo: sampleCase.repo, task: 'Write much.', limits })
})
afterAll(async () => {
  agent?.unwatch()
  await installation?.close()
})

/** A client that asks for the events and reads nothing; resolves when the answer has begun. */
async function openStuckReader(): Promise<Socket> {
  const { hostname, port } = new URL(installation.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.write(
    `GET /api/agents/${agent.id}/events HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${installation.api.token}\r\naccept: text/event-stream\r\n\r\n`,
  )
  await once(socket, 'readable')
  return socket
}

/** Resolves when one of the readers that come from now on has been let go. */
function readerGone(): Promise<void> {
  const { hub } = installation.parts
  const { subscribe } = hub
  return new Promise((resolve) => {
    hub.subscribe = (listener) => {
      const leave = subscribe(listener)
      return () => {
        leave()
        resolve()
      }
    }
  })
}

/** Stored events that are whole in what the reader had been sent. */
async function readRest(socket: Socket): Promise<EventView[]> {
  let text = ''
  for await (const chunk of socket.setEncoding('utf8')) text += chunk
  const lines = text.split('\n').filter((line) => line.startsWith('data: ') && line.endsWith('}'))
  return lines.flatMap((line) => {
    try {
      const event = JSON.parse(line.slice('data: '.length)) as EventView
      return event.seq > 0 ? [event] : []
    } catch (error) {
      // The one that was cut, or lies across two chunks of the transfer.
      if (error instanceof SyntaxError) return []
      throw error
    }
  })
}

it(
  'costs nobody anything, is cut, and goes on by its last event with everything once',
  async () => {
    const gone = readerGone()
    const stuck = await openStuckReader()
    const { run } = await installation.api.startAgent(agent.id)
    // The run and the other reader are at their end while it has read nothing.
    expect((await agent.untilRunIsOver(run.id)).data).toMatchObject({ reason: 'completed', summary: 'Written.' })
    expect(agent.events.map(({ seq }) => seq)).toEqual(wholeNumbers(agent.events))
    await gone

    const had = await readRest(stuck)
    const last = had.at(-1)?.seq ?? 0
    expect(had.map(({ seq }) => seq)).toEqual(wholeNumbers(had))
    expect(had.some(({ type }) => type === 'done')).toBe(false)
    const rest: EventView[] = []
    const leaving = new AbortController()
    const events = installation.api.followAgent(agent.id, { after: last, signal: leaving.signal })
    for await (const event of events) {
      if (event.seq > 0) rest.push(event)
      if (event.seq === agent.events.length) leaving.abort()
    }
    expect([...had, ...rest].map(({ seq }) => seq)).toEqual(wholeNumbers(agent.events))
    expect(rest).toEqual(agent.events.slice(last))
  },
  CUT_WITHIN_MS + 60_000,
)
