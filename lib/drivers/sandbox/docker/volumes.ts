/** An agent's three volumes: found by label and name both, so that nobody else's is ever used or removed. */
import { SANDBOX_PATHS } from '../../../../container/contract/tunnel.ts'
import { BerthError } from '../../../errors.ts'
import { type ContainerEngine, isRefusal } from './engine/engine.ts'
import { LABEL } from './labels.ts'

export interface VolumeOwner {
  installationId: string
  agentId: string
}

/** Each path is a volume of its own: older engines ignore a volume's subpath in silence. */
export const volumeParts = [
  { part: 'workspace', target: SANDBOX_PATHS.workspace },
  { part: 'home', target: SANDBOX_PATHS.home },
  { part: 'state', target: SANDBOX_PATHS.state },
] as const

export type VolumePart = (typeof volumeParts)[number]['part']

export function volumeName({ installationId, agentId }: VolumeOwner, part: VolumePart): string {
  const installation = installationId.replace(/^[a-z]+_/, '').slice(0, 8)
  return `berth-${installation}-${agentId}-${part}`
}

/**
 * Makes those that are missing; a fresh one takes its owner and content from the image's folder when a container first
 * mounts it. Adds the names of those made to `made`, also when it fails. Throws `start_failed` when a name belongs to somebody else.
 */
export async function ensureVolumes(
  engine: ContainerEngine,
  { owner, made }: { owner: VolumeOwner; made: string[] },
): Promise<void> {
  const ends = await Promise.allSettled(volumeParts.map(({ part }) => ensureVolume(engine, { owner, part, made })))
  // Not before all have ended: what is made after a failure could not be undone.
  for (const end of ends) if (end.status === 'rejected') throw end.reason
}

async function ensureVolume(
  engine: ContainerEngine,
  { owner, part, made }: { owner: VolumeOwner; part: VolumePart; made: string[] },
): Promise<void> {
  const name = volumeName(owner, part)
  const found = await engine.findVolume(name)
  if (found === null) {
    await engine.createVolume(name, { ...ownerLabels(owner), [LABEL.volume]: part })
    made.push(name)
  } else if (!belongsTo(found.labels, owner)) {
    throw new BerthError('start_failed', `The volume ${name} is there already and is not this agent's.`, {
      hint: `See whose it is with \`docker volume inspect ${name}\`; remove or rename it.`,
    })
  }
}

/** Throws `state_conflict` while a container still uses one. */
export async function removeVolumes(engine: ContainerEngine, owner: VolumeOwner): Promise<void> {
  const labelled = await engine.listVolumes(Object.entries(ownerLabels(owner)).map(([key, value]) => `${key}=${value}`))
  const names = new Set<string>(volumeParts.map(({ part }) => volumeName(owner, part)))
  try {
    for (const name of labelled.filter((candidate) => names.has(candidate))) await engine.removeVolume(name)
  } catch (error) {
    if (!isRefusal(error, 409)) throw error
    throw new BerthError('state_conflict', `The volumes of agent ${owner.agentId} are still used by a container.`, {
      hint: 'Remove its sandbox first.',
      cause: error,
    })
  }
}

function ownerLabels({ installationId, agentId }: VolumeOwner): Record<string, string> {
  return { [LABEL.installation]: installationId, [LABEL.agent]: agentId }
}

function belongsTo(labels: Record<string, string>, owner: VolumeOwner): boolean {
  return Object.entries(ownerLabels(owner)).every(([key, value]) => labels[key] === value)
}
