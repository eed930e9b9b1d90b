/** An agent as it is made, for tests that do not care how; with a target branch of its own. */
import { fillLimits } from '../../lib/domain/limits.ts'
import type { NewAgent } from '../../lib/store/stores.ts'

export function makeNewAgent(changes: Partial<NewAgent> & Pick<NewAgent, 'id' | 'ownerId'>): NewAgent {
  return {
    name: `Agent ${changes.id}`,
    task: 'Fix the bug',
    instructions: null,
    githubRepo: 'acme/widgets',
    sourceBranch: 'main',
    targetBranch: `berth/${changes.id}`,
    adoptTargetBranch: false,
    autoPullRequest: true,
    readRepos: ['a/b'],
    model: 'anthropic/claude-sonnet-4.6',
    limits: fillLimits({}, { maxSteps: 15, memoryBytes: 2 ** 31, nanoCpus: 10 ** 9 }),
    tools: { allow: null, commandPolicy: 'open', commands: [] },
    egress: { mode: 'allowlist', allow: [] },
    env: {},
    setupScript: null,
    status: 'IDLE',
    targetTip: null,
    ...changes,
  }
}
