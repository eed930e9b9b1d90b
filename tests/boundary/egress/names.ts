/** Names that are no names, or the same name in another spelling. */
import { once } from 'node:events'
import type { ClientHttp2Session, OutgoingHttpHeaders } from 'node:http2'
import { expect } from 'vitest'
import { curl, findDenial, openHostileTunnel, speak, writeConnect } from '../../support/egress-stage.ts'
import { USUAL_ANSWER } from '../../support/egress-world.ts'
import { PLAIN_HTTP } from '../../support/tunnel-rig.ts'
import type { EgressSuite } from './suite.ts'

const BROKEN = [
  'listed.test\0.evil.test',
  'listed.test\x00',
  'listed.test .evil.test',
  'listed.test\t',
  'listed.test\r\nhost: evil.test',
  'listed.test\n',
  'listed.test/',
  'user@listed.test',
  'listed.test#evil.test',
  'listed.test%2eevil.test',
  'l\u00efsted.test',
  '',
]

export function tryNames({ attempt, stage }: EgressSuite): void {
  attempt('a name with a NUL, a space, a line break', async () => {
    const { other: main, world } = stage()
    const before = world.proxied.length
    for (const name of BROKEN) {
      const answer = await speak(main, writeConnect(`${name}:443`))
      expect(answer, JSON.stringify(name)).toMatch(/^HTTP\/1\.1 40[03] /)
      expect(answer).not.toContain(' 200 ')
    }
    // A bridge that keeps to no rule says it on the tunnel itself.
    const tunnel = await openHostileTunnel(stage(), main)
    for (const name of BROKEN) {
      for (const headers of [
        { ':method': 'CONNECT', ':authority': `${name}:443` },
        { ':authority': name, ':path': '/', ...PLAIN_HTTP },
      ]) {
        const outcome = await ask(tunnel.session, headers)
        expect(outcome, JSON.stringify(headers)).toMatch(/^(reset|40[03])$/)
      }
    }
    tunnel.close()
    expect(world.proxied.slice(before)).toEqual([])
  })

  attempt('a name with a trailing dot', async () => {
    const { main, world } = stage()
    expect(await curl(main, 'https://listed.test./')).toContain(USUAL_ANSWER)
    expect(await curl(main, 'http://listed.test./')).toContain(USUAL_ANSWER)
    expect(world.proxied.filter((line) => line.includes('test.:') || line.includes('test./'))).toEqual([])
    expect(await curl(main, 'https://dotted-unlisted.test./')).toContain('x-berth-refusal: not_on_allowlist')
    expect(await findDenial(main, 'dotted-unlisted.test')).toMatchObject({ rule: 'not_on_allowlist' })
    expect(await speak(main, writeConnect('listed.test..:443'))).toMatch(/^HTTP\/1\.1 40[03] /)
    expect(await speak(main, writeConnect('model.berth.:443'))).toMatch(
      /^HTTP\/1\.1 403 model\.berth is not for programs/,
    )
  })

  attempt("Berth's own names, on the egress tunnel", async () => {
    const { main } = stage()
    const tunnel = await openHostileTunnel(stage(), main)
    for (const name of ['model.berth', 'git.berth', 'forge.berth', 'MODEL.berth.', 'x.berth']) {
      expect(await ask(tunnel.session, { ':authority': name, ':path': '/', ...PLAIN_HTTP })).toBe('421')
      expect(await ask(tunnel.session, { ':method': 'CONNECT', ':authority': `${name}:443` })).toBe('421')
    }
    tunnel.close()
  })
}

/** The status of the answer, or `reset`. */
async function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders): Promise<string> {
  try {
    const stream = session.request(headers, { endStream: headers[':method'] !== 'CONNECT' })
    stream.on('error', () => undefined)
    const [answer] = await Promise.race([once(stream, 'response'), once(stream, 'close').then(() => [null])])
    stream.destroy()
    return answer === null ? 'reset' : String(answer[':status'])
  } catch (error) {
    if (error instanceof Error) return 'reset'
    throw error
  }
}
