/**
 * The boundary from inside: a whole installation, and agents in it whose containers are up and idle, in which a test runs what
 * a hostile agent would. Nothing of the product is replaced but, where a test says so, how names are resolved.
 */
import type { CreateAgentInput } from '../../lib/services/agent/schemas.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { createWatchedAgent, type WatchedAgent } from './e2e-agent.ts'
import type { ShellResult } from './e2e-engine.ts'
import { startInstallation, type TestInstallation, type TestInstallationInput } from './installation.ts'

export interface BoundaryAgent extends WatchedAgent {
  /** Of the run that started it. */
  runId: string
  /** Runs a shell line in its container, as the agent's user unless `user` says another ("990:990" is the bridge's). */
  sh(command: string, options?: { user?: string; directory?: string }): Promise<ShellResult>
}

export interface BoundaryRig extends TestInstallation {
  /** An agent whose first run has ended: clone there, bridge and tunnels up. */
  startAgent(input?: Partial<CreateAgentInput>): Promise<BoundaryAgent>
  /** An agent whose run is in progress, as long as the script keeps it waiting for its first answer. */
  startWorkingAgent(input?: Partial<CreateAgentInput>): Promise<BoundaryAgent>
}

/** By default the model answers every conversation with "Ready." and calls nothing. */
export async function startBoundary(input: TestInstallationInput = {}): Promise<BoundaryRig> {
  const installation = await startInstallation({ script: () => ({ text: 'Ready.' }), delayMs: 0, ...input })
  const watched: WatchedAgent[] = []
  const start = async (agentInput: Partial<CreateAgentInput>): Promise<BoundaryAgent> => {
    const defaults = { githubRepo: sampleCase.repo, task: 'Wait.', autoPullRequest: false }
    const agent = await createWatchedAgent(installation.api, { ...defaults, ...agentInput })
    watched.push(agent)
    const { run } = await installation.api.startAgent(agent.id)
    return { ...agent, runId: run.id, sh: (command, options) => installation.engine.sh(agent.id, command, options) }
  }
  return {
    ...installation,
    async startAgent(agentInput = {}) {
      const agent = await start(agentInput)
      await agent.untilRunIsOver(agent.runId)
      return agent
    },
    async startWorkingAgent(agentInput = {}) {
      const agent = await start(agentInput)
      await agent.until('a step', ({ type }) => type === 'thinking')
      return agent
    },
    async close() {
      for (const agent of watched) agent.unwatch()
      await installation.close()
    },
  }
}
