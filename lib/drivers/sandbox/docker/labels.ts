/**
 * Every label key that Berth writes on a container, a volume or an image, and how a sandbox is read back from them.
 * What carries these labels is Berth's; what does not is never touched.
 */
import type { SandboxLabels } from '../port.ts'

export const LABEL = {
  installation: 'berth.installation',
  agent: 'berth.agent',
  incarnation: 'berth.incarnation',
  /** On a sandbox's container: "relay" where its bridge is reached through exec; without it, through the mounted socket. */
  reach: 'berth.reach',
  /** On a volume: workspace, home or state. */
  volume: 'berth.volume',
  /** On an image, and on what is there for a moment: base, tools, agent, build or probe. */
  part: 'berth.part',
  /** On a container of a build or a probe: "host/pid" of the process that made it. */
  builder: 'berth.builder',
  /** On an image: hash of everything that went into it. */
  content: 'berth.content',
  /** On the agent image: JSON list of the hosts that its package managers use. */
  egress: 'berth.egress',
  /** On the agent image: the tools image under it. */
  tools: 'berth.tools',
} as const

/** Whether Berth's programs are in an image: in its own, and in what is built FROM that. */
export function isAgentImage({ labels }: { labels: Record<string, string> }): boolean {
  return labels[LABEL.tools] !== undefined
}

/** The labels of a sandbox's container. */
export function toContainerLabels(sandbox: SandboxLabels): Record<string, string> {
  return {
    [LABEL.installation]: sandbox.installationId,
    [LABEL.agent]: sandbox.agentId,
    [LABEL.incarnation]: sandbox.incarnation,
  }
}

/** Null when one of the three is missing: not a sandbox. */
export function readContainerLabels(labels: Record<string, string>): SandboxLabels | null {
  const installationId = labels[LABEL.installation]
  const agentId = labels[LABEL.agent]
  const incarnation = labels[LABEL.incarnation]
  if (installationId === undefined || agentId === undefined || incarnation === undefined) return null
  return { installationId, agentId, incarnation }
}
