/** The default egress list: asked from the package managers of an image, written down nowhere. */
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

/** One URL or bare host name a line. */
export function readHosts(lines: string[]): string[] {
  const hosts = lines
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => new URL(line.includes('://') ? line : `https://${line}`).hostname.toLowerCase())
  return [...new Set(hosts)].sort()
}
