/** A tool in a real workspace: its context, what it emitted, what it streamed. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Tool, ToolContext, ToolOutput } from '../../container/bridge/tools/tool.ts'
import { makeTestWorkspace, type TestWorkspace } from './local-workspace.ts'

export interface ToolRig extends TestWorkspace {
  context: ToolContext
  events: { type: string; data: Record<string, unknown> }[]
  /** Live output so far. */
  streamed(): string
  /** Parses the input with the tool's schema, as the loop does, and runs it. */
  call(tool: Tool, input: Record<string, unknown>): Promise<ToolOutput>
  /** Content of a file in the workspace; null when it is not there. */
  content(relative: string): string | null
}

export async function makeToolRig(): Promise<ToolRig> {
  const test = await makeTestWorkspace()
  const seen = new Map<string, string>()
  const events: ToolRig['events'] = []
  let streamed = ''
  const context: ToolContext = {
    workspace: test.workspace,
    reads: {
      record: (file, sha256) => void seen.set(file, sha256),
      lastSeen: (file) => seen.get(file) ?? null,
    },
    signal: new AbortController().signal,
    toolCallId: 'call-1',
    commandTimeoutMs: 10_000,
    targetBranch: 'berth/work',
    sourceBranch: 'main',
    onOutput: (chunk) => {
      streamed += chunk
    },
    emit: (event) => void events.push(event),
    openPullRequest: async () => ({ number: 7, url: 'http://forge/pull/7', action: 'opened' }),
  }
  return {
    ...test,
    context,
    events,
    streamed: () => streamed,
    call: async (tool, input) => tool.execute(tool.input.parse(input), context),
    content: (relative) => {
      const file = path.join(test.root, relative)
      return existsSync(file) ? readFileSync(file, 'utf8') : null
    },
  }
}
