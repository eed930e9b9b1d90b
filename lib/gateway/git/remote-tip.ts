/** Where a branch is on the forge, from the advertisement of its refs (protocol version 0). */
import type { GitGrant } from '../ports.ts'
import type { ForgeConnection } from './forge-connection.ts'
import { PktLineBuffer } from './pkt-line.ts'

const DEADLINE_MS = 30_000

/** Null when there is no such ref. Throws a Refusal when the forge does not say, a PktLineError when it says nonsense. */
export async function readRemoteTip(query: {
  forge: ForgeConnection
  grant: GitGrant
  repository: string
  /** e.g. "refs/heads/main" */
  ref: string
}): Promise<string | null> {
  const { forge, grant, repository, ref } = query
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const response = await forge.advertise({ grant, repository, service: 'git-upload-pack', headers: {}, signal })
  const lines = new PktLineBuffer()
  let tip: string | null = null
  for await (const chunk of response) {
    lines.push(chunk)
    for (let line = lines.read(); line !== null; line = lines.read()) {
      if (line.kind === 'data') tip ??= readTip(line.payload.toString('utf8'), ref)
    }
  }
  return tip
}

function readTip(line: string, ref: string): string | null {
  const [, id, name] = /^([0-9a-f]{40,64}) ([^\0\n]+)/.exec(line) ?? []
  return id !== undefined && name === ref ? id : null
}
