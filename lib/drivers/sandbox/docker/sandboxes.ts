/** Sandboxes as the engine shows them, found by their labels alone. */
import { SANDBOX_PATHS } from '../../../../container/contract/tunnel.ts'
import { BerthError } from '../../../errors.ts'
import type { Sandbox, SandboxLabels } from '../port.ts'
import type { ContainerDetails, ContainerEngine } from './engine/engine.ts'
import { LABEL, readContainerLabels, toContainerLabels } from './labels.ts'
import type { Reach } from './reach/reach.ts'

export interface DockerSandbox extends Sandbox {
  /** How its bridge is reached: decided when it was made, and its for good. */
  reach: Reach
  /** Where its bridge's socket lies on the engine's machine: in the data folder of the control plane that made it. */
  socketDirectory: string | null
}

export async function listSandboxes(
  engine: ContainerEngine,
  { installationId, agentId }: { installationId: string; agentId?: string },
): Promise<DockerSandbox[]> {
  const labels = [`${LABEL.installation}=${installationId}`]
  if (agentId !== undefined) labels.push(`${LABEL.agent}=${agentId}`)
  return inspectAll(engine, labels, ['removing'])
}

/** One that is being removed is found too: to wait for its end. */
export async function findSandbox(engine: ContainerEngine, sandbox: SandboxLabels): Promise<DockerSandbox | null> {
  const labels = Object.entries(toContainerLabels(sandbox)).map(([key, value]) => `${key}=${value}`)
  return (await inspectAll(engine, labels))[0] ?? null
}

/** Throws `sandbox_lost` when there is none. */
export async function getSandbox(engine: ContainerEngine, sandbox: SandboxLabels): Promise<DockerSandbox> {
  const found = await findSandbox(engine, sandbox)
  if (found !== null) return found
  throw new BerthError(
    'sandbox_lost',
    `There is no container of agent ${sandbox.agentId}, incarnation ${sandbox.incarnation}.`,
    {
      hint: 'It was removed from outside. Starting or resuming the agent makes a new one on the same volumes.',
    },
  )
}

/** Null when a label is missing. */
export function toSandbox(container: ContainerDetails): DockerSandbox | null {
  const labels = readContainerLabels(container.labels)
  if (labels === null) return null
  return {
    ...labels,
    engineId: container.id,
    state: container.running ? 'running' : 'stopped',
    outOfMemory: container.outOfMemory,
    exitCode: container.exitCode,
    reach: container.labels[LABEL.reach] === 'relay' ? 'relay' : 'socket',
    socketDirectory: container.binds[SANDBOX_PATHS.socketDirectory] ?? null,
  }
}

async function inspectAll(engine: ContainerEngine, labels: string[], without: string[] = []): Promise<DockerSandbox[]> {
  const summaries = (await engine.listContainers(labels)).filter(({ state }) => !without.includes(state))
  const containers = await Promise.all(summaries.map(({ id }) => engine.findContainer(id)))
  return containers.flatMap((container) => (container === null ? [] : (toSandbox(container) ?? [])))
}
