/**
 * Pushes from inside a sandbox, and what they leave behind on both sides: what git shows, what reached the forge, what the
 * agent's log says. For the boundary's tests of the broker.
 */
import { once } from 'node:events'
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import { expect } from 'vitest'
import { encodePktLine, FLUSH_PKT } from '../../lib/gateway/git/pkt-line.ts'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { runGit } from '../../scripts/stand-ins/forge/git.ts'
import type { BoundaryAgent, BoundaryRig } from './boundary-rig.ts'
import type { ShellResult } from './e2e-engine.ts'
import { type Answer, ask, connectTunnel } from './tunnel-rig.ts'

export const ZERO_ID = '0'.repeat(40)
/** No commit has it. */
export const SOME_ID = 'a'.repeat(40)

export const ONLY_BRANCH = (branch: string) => `only refs/heads/${branch} may be pushed by this agent`
export const DROPS_COMMITS =
  'the branch has commits that are not from this agent, and this push would drop them: fetch, merge or rebase onto them, and push without force'

/** A shell line that commits so many random bytes. Large files are neither compressed nor compared. */
export const commitOf = (bytes: number) =>
  `git config core.compression 0 && git config core.bigFileThreshold 1m && head -c ${bytes} /dev/urandom > made-$(date +%s%N) && git add -A && git commit -qm "A change"`

export interface RawAnswer {
  status: number
  refusal: string | null
  body: string
}

export interface BrokerAttempts {
  agent: BoundaryAgent
  /** "owner/repo" */
  repository: string
  branch: string
  /** refs/heads/<branch> */
  ref: string
  /** Takes the workspace to where the agent's branch is on the forge, or to where it will begin. */
  reset(): Promise<void>
  /** A shell line that must end well; its output. */
  run(command: string): Promise<string>
  /** Runs a push, and waits for its event. */
  push(command: string): Promise<ShellResult & { event: EventView }>
  /** A push that git and the log say went through, and the forge has. */
  expectThrough(command: string): Promise<void>
  /** A push that git is told of as `[remote rejected]`, of which the forge hears nothing, and which is in the log. */
  expectRefused(command: string, expected: { reason: string; ref?: string }): Promise<void>
  /** One more commit, its id, and the pack that brings it to the forge. */
  packCommit(): Promise<{ oldId: string; newId: string; pack: Buffer }>
  /** A push as bytes, from inside: the lines, a flush, and a pack. */
  pushBytes(lines: string[], pack?: Buffer): Promise<RawAnswer>
  /** One request to git.berth, from inside, through the proxy. */
  request(input: { method?: string; path: string; body?: Buffer; headers?: Record<string, string> }): Promise<RawAnswer>
  /** On a tunnel that is taken for the agent's: what is too long to be handed in, or what the proxy would have made tidy. */
  onTunnel(headers: OutgoingHttpHeaders, body?: Buffer): Promise<Answer>
  /** Where the agent's branch is on the forge. */
  tip(): Promise<string | undefined>
  /** What Berth last recorded as the branch's tip. */
  recordedTip(): Promise<string | null>
  /** Somebody commits on the agent's branch, on the forge itself. The commit. */
  commitAsPerson(): Promise<string>
}

export async function openAttempts(rig: BoundaryRig, agent: BoundaryAgent): Promise<BrokerAttempts> {
  const { targetBranch: branch, githubRepo: repository } = await rig.api.getAgent(agent.id)
  const ref = `refs/heads/${branch}`
  const onForge = (...args: string[]) => runGit(args, { cwd: rig.forge.directoryOf(repository) })
  const tip = async () => (await rig.forge.branches(repository)).find(({ name }) => name === branch)?.sha
  const recordedTip = async () => (await rig.parts.stores.agents.find(agent.id))?.targetTip ?? null
  let tunnel: Promise<ClientHttp2Session> | null = null

  const run: BrokerAttempts['run'] = async (command) => {
    const { exitCode, output } = await agent.sh(command)
    if (exitCode !== 0) throw new Error(`${command} ended with ${exitCode}: ${output}`)
    return output
  }
  const push: BrokerAttempts['push'] = async (command) => {
    const after = agent.events.at(-1)?.seq ?? 0
    const result = await agent.sh(command)
    const what = `push event of a command that ended with ${result.exitCode}: ${result.output}`
    const event = await agent.until(what, ({ type }) => type === 'push', { after })
    return { ...result, event }
  }
  const request: BrokerAttempts['request'] = async ({ method = 'GET', path, body, headers = {} }) => {
    const question = JSON.stringify({ method, path, headers, body: body?.toString('base64') ?? null })
    const [script, asked] = [ASK_PROXY, question].map((text) => Buffer.from(text).toString('base64'))
    return JSON.parse(await run(`python3 -c "$(echo ${script} | base64 -d)" ${asked}`))
  }
  return {
    agent,
    repository,
    branch,
    ref,
    run,
    push,
    request,
    tip,
    recordedTip,
    async reset() {
      const start = (await tip()) ?? 'origin/main'
      await run(`git fetch -q origin && git checkout -qf -B ${branch} ${start} && git clean -ffdxq`)
    },
    async expectThrough(command) {
      const { exitCode, output, event } = await push(command)
      expect({ exitCode, output }).toEqual({ exitCode: 0, output: '' })
      const newSha = await tip()
      expect(event.data).toMatchObject({ outcome: 'ok', ref, newSha })
      expect(await recordedTip()).toBe(newSha)
    },
    async expectRefused(command, { reason, ref: pushed = ref }) {
      const look = async () => ({ pushes: pushesAt(rig).length, refs: await onForge('for-each-ref') })
      const before = await look()
      const { event, exitCode, output } = await push(command)
      expect(exitCode).toBe(1)
      expect(output).toContain(`remote: berth: ${reason}`)
      expect(output).toMatch(/! \[remote rejected\]/)
      expect(output).toContain(`(${reason})`)
      expect(await look()).toEqual(before)
      expect(event.data).toMatchObject({ outcome: 'refused', ref: pushed, reason })
    },
    async packCommit() {
      await run(commitOf(100))
      const newId = (await run('git rev-parse HEAD')).trim()
      const packed = await run('printf "HEAD\\n^HEAD~1\\n" | git pack-objects -q --revs --stdout | base64 -w0')
      return { oldId: (await tip()) ?? ZERO_ID, newId, pack: Buffer.from(packed, 'base64') }
    },
    pushBytes: (lines, pack) => request({ ...writePush(repository, lines, pack) }),
    async onTunnel(headers, body) {
      tunnel ??= connectAs(rig, agent)
      return ask(await tunnel, { ':authority': 'git.berth', ...headers }, body)
    },
    async commitAsPerson() {
      const theirs = await onForge('commit-tree', `${ref}^{tree}`, '-p', ref, '-m', `Words ${Math.random()}`)
      await onForge('update-ref', ref, theirs.trim())
      return theirs.trim()
    },
  }
}

/** The request of a push. */
export function writePush(repository: string, lines: string[], pack: Buffer = Buffer.from('PACK')) {
  return {
    method: 'POST',
    path: `/${repository}.git/git-receive-pack`,
    headers: { 'content-type': 'application/x-git-receive-pack-request' },
    body: Buffer.concat([...lines.map((line) => encodePktLine(line)), FLUSH_PKT, pack]),
  }
}

/** Pushes that reached the forge. */
export function pushesAt(rig: BoundaryRig) {
  return rig.forge.requests.filter(({ method, path }) => method === 'POST' && path.endsWith('/git-receive-pack'))
}

/** Ends with the installation, which closes its side. */
async function connectAs(rig: BoundaryRig, agent: BoundaryAgent): Promise<ClientHttp2Session> {
  const owner = { agentId: agent.id, incarnation: (await rig.parts.stores.agents.find(agent.id))?.incarnation ?? '' }
  const { session, sockets } = await connectTunnel({ attach: rig.parts.attachTunnel, kind: 'control', owner })
  void once(session, 'close').then(() => {
    for (const socket of sockets) socket.destroy()
  })
  return session
}

const ASK_PROXY = `
import base64, http.client, json, sys
asked = json.loads(base64.b64decode(sys.argv[1]))
body = None if asked['body'] is None else base64.b64decode(asked['body'])
proxy = http.client.HTTPConnection('127.0.0.1', 3128, timeout=60)
proxy.request(asked['method'], 'http://git.berth' + asked['path'], body=body, headers=asked['headers'])
answer = proxy.getresponse()
print(json.dumps({
  'status': answer.status,
  'refusal': answer.getheader('x-berth-refusal'),
  'body': answer.read().decode('latin1'),
}))
`
