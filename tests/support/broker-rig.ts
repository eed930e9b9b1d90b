/**
 * The git broker without a sandbox: the installed git, a real tunnel, the local forge, and access ports that are a plain object.
 * The agent has acme/app with the branch `berth/work`, and may read acme/lib; acme/other is somebody else's.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ClientHttp2Session } from 'node:http2'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { GitGrant, RecordedPush } from '../../lib/gateway/ports.ts'
import { type ForgeStandIn, startForge } from '../../scripts/stand-ins/forge/start-forge.ts'
import { type GitFront, git, startGitFront } from './git-front.ts'
import { createTunnelRig, fakeGitAccess, type TunnelRig, type TunnelRigOptions } from './tunnel-rig.ts'

export const FORGE_TOKEN = 'ghp_secret_token'
export const BRANCH = 'berth/work'

export interface BrokerRig {
  root: string
  forge: ForgeStandIn
  front: GitFront
  tunnel: TunnelRig
  session: ClientHttp2Session
  /** What the broker is granted; changed by pushes that went through, and by tests. */
  grant: GitGrant
  pushes: RecordedPush[]
  /** A clone through the broker, on the agent's branch, with one commit of `bytes` random bytes on it. */
  cloneWithCommit(bytes?: number): Promise<string>
  /** One more commit in a working copy; its id. */
  commit(directory: string, bytes?: number): Promise<string>
  /** A person clones the agent's branch behind the broker's back, commits, and pushes; answers with the commit. */
  commitAsPerson(): Promise<string>
  tipOf(branch: string, repository?: string): Promise<string | undefined>
  close(): Promise<void>
}

export async function startBrokerRig(options: Pick<TunnelRigOptions, 'timeouts'> = {}): Promise<BrokerRig> {
  const root = await mkdtemp(path.join(tmpdir(), 'berth-broker-'))
  const sample = path.join(root, 'sample')
  await mkdir(sample)
  await writeFile(path.join(sample, 'README.md'), '# sample\n')
  const forge = await startForge({
    token: FORGE_TOKEN,
    repositories: [
      { fullName: 'acme/app', from: sample, private: true },
      { fullName: 'acme/lib', from: sample, private: true },
      { fullName: 'acme/other', from: sample },
    ],
  })
  const grant: GitGrant = {
    repository: 'acme/app',
    targetBranch: BRANCH,
    readRepos: ['acme/lib'],
    targetTip: null,
    baseUrl: forge.url,
    token: FORGE_TOKEN,
  }
  const { access, pushes } = fakeGitAccess(grant)
  const tunnel = createTunnelRig({ access: { git: access }, ...options })
  const session = await tunnel.connect('control')
  const front = await startGitFront(session)

  const commit = async (directory: string, bytes = 100) => {
    await writeFile(path.join(directory, `file-${randomBytes(4).toString('hex')}`), randomBytes(bytes))
    await git(directory, 'add', '-A')
    await git(directory, 'commit', '-q', '-m', 'Change')
    return (await git(directory, 'rev-parse', 'HEAD')).stdout
  }
  return {
    root,
    forge,
    front,
    tunnel,
    session,
    grant,
    pushes,
    commit,
    cloneWithCommit: async (bytes = 100) => {
      const directory = path.join(root, 'clone')
      const cloned = await git(root, 'clone', '-q', `${front.url}/acme/app.git`, directory)
      if (cloned.code !== 0) throw new Error(`The clone failed: ${cloned.stderr}`)
      await git(directory, 'checkout', '-q', '-b', BRANCH)
      await commit(directory, bytes)
      return directory
    },
    commitAsPerson: async () => {
      const directory = path.join(root, `person-${randomBytes(4).toString('hex')}`)
      await git(root, 'clone', '-q', '-b', BRANCH, forge.directoryOf('acme/app'), directory)
      const theirs = await commit(directory)
      const pushed = await git(directory, 'push', '-q', 'origin', BRANCH)
      if (pushed.code !== 0) throw new Error(`The person's push failed: ${pushed.stderr}`)
      return theirs
    },
    tipOf: async (branch, repository = 'acme/app') =>
      (await forge.branches(repository)).find(({ name }) => name === branch)?.sha,
    close: async () => {
      await front.close()
      await tunnel.close()
      await forge.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}
