/** What a tool is, and the narrow hand it is given. Tools know the workspace; they know nothing of the loop or the wire. */
import type { z } from 'zod'
import type { SandboxEventData } from '../../contract/events.ts'
import type { PullRequestAnswer, PullRequestRequest } from '../../contract/tunnel.ts'
import type { Workspace } from '../workspace-port.ts'

/** Which files the model has read in this agent's life, and as what: write_file and edit_file ask it. */
export interface ReadLedger {
  record(path: string, sha256: string): void
  /** SHA-256 of the content the model last saw or wrote; null when it never did. */
  lastSeen(path: string): string | null
}

export interface ToolContext {
  workspace: Workspace
  reads: ReadLedger
  signal: AbortSignal
  toolCallId: string
  /** Default time a command may take. */
  commandTimeoutMs: number
  targetBranch: string
  sourceBranch: string
  /** Live output of this call. */
  onOutput(chunk: string): void
  emit(event: { type: 'file_change'; data: SandboxEventData<'file_change'> }): void
  emit(event: { type: 'task_update'; data: SandboxEventData<'task_update'> }): void
  emit(event: { type: 'commit'; data: SandboxEventData<'commit'> }): void
  /** Asks the control plane; the branch must be pushed before. Throws an Error with words for the model. */
  openPullRequest(request: PullRequestRequest): Promise<PullRequestAnswer>
}

export interface ToolOutput {
  /** What the model reads. */
  output: string
  outcome: 'ok' | 'error'
  /** What a page may show beside it. */
  detail?: Record<string, unknown>
}

export interface Tool<Input = unknown> {
  name: string
  description: string
  /** At least one required field: a provider may turn cut-off arguments into `{}`. */
  input: z.ZodType<Input>
  /** Never throws for what the model did wrong: that is an `error` output that says what is allowed. */
  execute(input: Input, context: ToolContext): Promise<ToolOutput>
}
