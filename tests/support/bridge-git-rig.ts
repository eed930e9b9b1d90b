/**
 * A bridge as in bridge-rig.ts with a forge to clone from and push to: its tunnels end at the real broker, whose access port is a
 * plain object. The agent has octo/sample with the branch `berth/fix`; octo/other is somebody else's, octo/empty has no branch.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import type { CloneCommand, CloneMessage } from '../../container/contract/bridge.ts'
import type { GitGrant } from '../../lib/gateway/ports.ts'
import { startForge } from '../../scripts/stand-ins/forge/start-forge.ts'
import { startBridgeRig } from './bridge-rig.ts'
import { createTunnelRig, fakeGitAccess, OWNER } from './tunnel-rig.ts'

export type BridgeGitRig = Awaited<ReturnType<typeof startBridgeGitRig>>

const TOKEN = 'forge-token'
export const USER = { name: 'Ada "the first" Lovelace; #1 \\', email: 'ada@example.com' }
export const CLONE: CloneCommand = {
  repository: 'octo/sample',
  sourceBranch: 'main',
  targetBranch: 'berth/fix',
  adoptTargetBranch: false,
  user: USER,
}

export async function startBridgeGitRig() {
  const bridge = await startBridgeRig()
  const { client, test, directory, proxyUrl } = bridge
  const seed = path.join(directory, 'seed')
  mkdirSync(seed)
  writeFileSync(path.join(seed, 'README.md'), '# Sample\n')
  writeFileSync(path.join(seed, '.gitignore'), 'ignored/\n')
  const forge = await startForge({
    token: TOKEN,
    repositories: [
      { fullName: 'octo/sample', from: seed },
      { fullName: 'octo/other', from: seed },
      { fullName: 'octo/empty', from: null },
    ],
  })
  const grant: GitGrant = {
    repository: 'octo/sample',
    targetBranch: 'berth/fix',
    readRepos: [],
    targetTip: null,
    baseUrl: forge.url,
    token: TOKEN,
  }
  const { access } = fakeGitAccess(grant)
  const createGateway = () => createTunnelRig({ access: { git: access } }).server
  let gateway = createGateway()
  const bringTunnels = async () => {
    for (const kind of ['control', 'egress'] as const) {
      gateway.attach({ socket: await client.openTunnel(kind, 1), kind, owner: OWNER })
    }
  }
  await bringTunnels()

  const clone = async (changes: Partial<CloneCommand> = {}): Promise<CloneMessage[]> => {
    const messages: CloneMessage[] = []
    for await (const message of client.clone({ ...CLONE, ...changes })) messages.push(message)
    return messages
  }
  return {
    client,
    test,
    directory,
    proxyUrl,
    /** What the broker is granted; changed by pushes that went through, and by tests. */
    grant,
    /** Every message of the clone. */
    clone,
    /** The result of a clone that goes well. */
    async mustClone(changes: Partial<CloneCommand> = {}) {
      const last = (await clone(changes)).at(-1)
      if (!last || !('result' in last)) throw new Error(`The clone failed: ${JSON.stringify(last)}`)
      return last.result
    },
    commit: (message = 'Fix it', runId?: string) =>
      client.commit({ message, author: USER, ...(runId !== undefined && { runId }) }),
    push: () => client.push({ targetBranch: 'berth/fix' }),
    /** What git says in the forge's octo/sample. */
    remote: async (...args: string[]) =>
      (await promisify(execFile)('git', ['-C', forge.directoryOf('octo/sample'), ...args])).stdout.trim(),
    /** The bridge is without them until they are brought again. */
    async cutTunnels() {
      await gateway.close()
      gateway = createGateway()
    },
    bringTunnels,
    async close() {
      await bridge.close()
      await gateway.close()
      await forge.close()
    },
  }
}
