/** The image that agents run in: as set, or the one that belongs to this version. */
import packageJson from '../../package.json' with { type: 'json' }
import type { Settings } from '../config.ts'

export function agentImageName(settings: Pick<Settings, 'agentImage'>): string {
  return settings.agentImage ?? `berth-agent:${packageJson.version}`
}
