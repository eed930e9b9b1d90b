/** The default egress list: asked from the package managers of an image, written down nowhere. */
import { readHosts } from '../../registry-hosts.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { runOnce } from './run-once.ts'

const QUESTION = ['/bin/sh', '/opt/berth/libexec/default-registries.sh']

/** Host names, lower case, sorted, each once. */
export async function askRegistryHosts(
  engine: ContainerEngine & ImageEngine,
  image: string,
  signal: AbortSignal,
): Promise<string[]> {
  const { lines } = await runOnce(engine, { image, command: QUESTION, user: 'agent', signal })
  return readHosts(lines)
}
