/** Rows of agents that sleep, as if each had once run: no container, no volume. */
import type { CommandParts } from '../../lib/composition/command.ts'
import { fillLimits } from '../../lib/domain/limits.ts'
import { ensureOwner } from '../../lib/services/user/owner.ts'
import type { NewAgent } from '../../lib/store/stores.ts'

/** Made side by side, as many as the database has connections. */
const AT_ONCE = 10

export async function makeSleepingAgents(parts: CommandParts, count: number): Promise<void> {
  const owner = await ensureOwner(parts)
  const numbers = Array.from({ length: count }, (_, index) => index + 1).values()
  const make = async () => {
    for (const number of numbers) await makeSleepingAgent(parts, { ownerId: owner.id, number })
  }
  await Promise.all(Array.from({ length: AT_ONCE }, make))
}

async function makeSleepingAgent(
  { stores, ids, clock }: CommandParts,
  input: { ownerId: string; number: number },
): Promise<void> {
  const agent = await stores.agents.create({ ...describeAgent(input), id: ids.next('agt') })
  await stores.log.write(agent.id, async (tx) => {
    const inputEventId = tx.append('message', { text: agent.task, from: null })
    const run = await tx.createRun({ id: ids.next('run'), task: agent.task, inputEventId })
    const now = clock.now()
    tx.appendOwn('done', { reason: 'completed', summary: 'Done.', steps: 12 }, run.id)
    await tx.updateRun(run.id, {
      status: 'ENDED',
      reason: 'completed',
      summary: 'Done.',
      steps: 12,
      startedAt: now,
      endedAt: now,
    })
  })
}

function describeAgent({ ownerId, number }: { ownerId: string; number: number }): Omit<NewAgent, 'id'> {
  return {
    ownerId,
    name: `Sleeping agent ${number}`,
    task: `Fix what issue ${number} describes, with a test that fails without the fix, and see that all tests pass.`,
    instructions: null,
    githubRepo: `sample/repository-${number}`,
    sourceBranch: 'main',
    targetBranch: `berth/fix-issue-${number}`,
    adoptTargetBranch: false,
    autoPullRequest: true,
    readRepos: [],
    model: 'anthropic/claude-sonnet-4.6',
    limits: fillLimits({}, { maxSteps: 15, memoryBytes: 2 ** 31, nanoCpus: 10 ** 9 }),
    tools: { allow: null, commandPolicy: 'open', commands: [] },
    egress: { mode: 'allowlist', allow: [] },
    env: {},
    setupScript: null,
    status: 'SLEEPING',
    targetTip: null,
  }
}
