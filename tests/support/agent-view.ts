/** Agents and runs as the API shows them, for tests of pages and of their models: valid, with what the test names changed. */
import type { AgentView, RunView } from '../../lib/services/agent/schemas.ts'

export function makeAgentView(changes: Partial<AgentView> = {}): AgentView {
  return {
    id: 'agent-1',
    name: 'Cap the sleep that Retry-After asks for',
    task: 'Cap the sleep.',
    instructions: null,
    githubRepo: 'urllib3/urllib3',
    sourceBranch: 'main',
    targetBranch: 'berth/cap-retry-after-7f3k',
    adoptTargetBranch: false,
    autoPullRequest: true,
    readRepos: [],
    model: 'anthropic/claude-sonnet-4.6',
    limits: {
      maxSteps: 15,
      maxTokens: null,
      maxCostUsd: 5,
      maxCostUsdTotal: null,
      maxCostUsdPerDay: null,
      maxDurationMs: 1_800_000,
      memoryBytes: 2_147_483_648,
      nanoCpus: 1_000_000_000,
      pids: 512,
      diskBytes: null,
    },
    tools: { allow: null, commandPolicy: 'open', commands: [] },
    egress: { mode: 'allowlist', allow: [] },
    env: {},
    setupScript: null,
    divergence: null,
    status: 'IDLE',
    statusDetail: null,
    needs: null,
    queued: 0,
    isolated: true,
    lastSeq: 0,
    pullRequest: null,
    additions: 0,
    deletions: 0,
    costUsd: 0,
    run: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
    ...changes,
  }
}

export function makeRunView(changes: Partial<RunView> = {}): RunView {
  return {
    id: 'run-1',
    task: 'Cap the sleep.',
    status: 'ENDED',
    reason: 'completed',
    summary: 'Capped it.',
    steps: 8,
    inputTokens: 1000,
    outputTokens: 200,
    costUsd: 0.5,
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:01.000Z',
    endedAt: '2026-01-01T00:05:00.000Z',
    ...changes,
  }
}
