/** An executor on a real journal in a temporary folder, with a scripted model, plain tools and a clock that does not wait. */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { createExecutor, type Executor, type ExecutorOptions } from '../../container/bridge/executor/executor.ts'
import { type Journal, openJournal } from '../../container/bridge/journal/journal.ts'
import type { Tool, ToolContext, ToolOutput } from '../../container/bridge/tools/tool.ts'
import { type Workspace, WorkspaceError } from '../../container/bridge/workspace-port.ts'
import type { ExecuteCommand } from '../../container/contract/bridge.ts'
import type { JournalEvent } from '../../container/contract/events.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { randomIds } from '../../lib/ids.ts'
import { silentLogger } from '../../lib/logger.ts'
import { type ScriptedModel, scriptModel, type Turn } from './scripted-openrouter.ts'
import { testClock } from './test-clock.ts'

/** A workspace that holds text files and runs nothing. */
export function textWorkspace(files: Record<string, string> = {}): Workspace {
  const absent = async (): Promise<never> => {
    throw new WorkspaceError('failed', 'This workspace only has text files.')
  }
  return {
    stat: async () => null,
    readFile: async (name) => {
      const text = files[name]
      if (text === undefined) throw new WorkspaceError('not_found', `There is no ${name}.`)
      const bytes = new TextEncoder().encode(text)
      return { path: name, kind: 'file', size: bytes.length, mtimeMs: 0, bytes, sha256: 'x' }
    },
    writeFile: absent,
    list: async () => [],
    suggest: async () => [],
    run: absent,
  }
}

/** A tool with one required field, `value`. */
export function plainTool(
  name: string,
  execute: (value: string, context: ToolContext) => ToolOutput | Promise<ToolOutput>,
): Tool {
  const input = z.object({ value: z.string() })
  return {
    name,
    description: `The ${name} tool.`,
    input,
    execute: async (sent, context) => execute(input.parse(sent).value, context),
  }
}

export const echo = plainTool('echo', (value) => ({ output: `echo: ${value}`, outcome: 'ok' }))

export interface Rig {
  executor: Executor
  journal: Journal
  model: ScriptedModel
  clock: Clock
  events(): JournalEvent[]
  types(): string[]
  /** Begins the run and waits for its `done`. */
  run(command?: Partial<ExecuteCommand>): Promise<JournalEvent>
  ended(runId: string): Promise<JournalEvent>
  /** The bridge dies and another one opens the same folder. */
  reborn(turns: Turn[], options?: Partial<ExecutorOptions>): Promise<Rig>
  close(): void
}

const rigs = new Set<Rig>()

export async function createRig(turns: Turn[], options: Partial<ExecutorOptions> = {}): Promise<Rig> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'berth-executor-'))
  return openRig(directory, turns, options)
}

/** For `afterEach`. */
export function closeRigs(): void {
  for (const rig of rigs) rig.close()
  rigs.clear()
}

async function openRig(directory: string, turns: Turn[], options: Partial<ExecutorOptions>): Promise<Rig> {
  const clock = options.clock ?? testClock()
  const model = scriptModel(turns)
  const journal = await openJournal({ directory, ids: randomIds, clock: systemClock, logger: silentLogger })
  let messages = 0
  const executor = createExecutor({
    journal,
    workspace: textWorkspace(),
    modelFetch: model.fetch,
    openPullRequest: async () => ({ number: 1, url: 'http://forge/1', action: 'opened' }),
    takeMessages: async () => [],
    logger: silentLogger,
    version: '0.0.0',
    tools: [echo],
    newMessageId: () => `msg_${++messages}`,
    random: () => 0,
    ...options,
    clock,
  })
  const rig: Rig = {
    executor,
    journal,
    model,
    clock,
    events: () => journal.read(0, Number.MAX_SAFE_INTEGER),
    types: () => rig.events().map((event) => event.type),
    run: (command = {}) => {
      const { runId } = executor.begin(commandOf(command))
      return rig.ended(runId)
    },
    ended: (runId) => waitForDone(journal, runId),
    reborn: (next, more = {}) => openRig(directory, next, { ...options, ...more }),
    close: () => {
      journal.close()
      fs.rmSync(directory, { recursive: true, force: true })
    },
  }
  rigs.add(rig)
  return rig
}

function waitForDone(journal: Journal, runId: string): Promise<JournalEvent> {
  let seen = 0
  const findDone = (): JournalEvent | undefined => {
    for (let batch = journal.read(seen); batch.length > 0; batch = journal.read(seen)) {
      seen += batch.length
      const done = batch.find((event) => event.type === 'done' && event.runId === runId)
      if (done) return done
    }
    return undefined
  }
  return new Promise((resolve) => {
    const look = () => {
      const done = findDone()
      if (!done) return
      stop()
      // The executor still has its own last lines to run after the journal has the event.
      setImmediate(() => resolve(done))
    }
    const stop = journal.subscribe(look)
    look()
  })
}

export function commandOf(parts: Partial<ExecuteCommand> = {}): ExecuteCommand {
  const runId = parts.runId ?? 'run_1'
  return {
    runId,
    continued: false,
    input: { eventId: `evt_${runId}`, text: 'Do the work.' },
    agent: {
      name: 'fixer',
      repository: 'octo/sample',
      sourceBranch: 'main',
      targetBranch: 'berth/fix',
      instructions: null,
    },
    model: { id: 'test/model', contextTokens: null, maxOutputTokens: null },
    limits: { maxSteps: 15, maxTokens: null, maxCostUsd: null, maxDurationMs: 3_600_000 },
    tools: { allow: null, commandTimeoutMs: 30_000 },
    stored: { journalId: null, n: 0 },
    ...parts,
  }
}
