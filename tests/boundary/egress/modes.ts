/** Which hosts and ports an agent of each mode reaches. */
import { expect } from 'vitest'
import { curl, findDenial } from '../../support/egress-stage.ts'
import { USUAL_ANSWER } from '../../support/egress-world.ts'
import type { EgressSuite } from './suite.ts'

export function tryModes({ attempt, stage }: EgressSuite): void {
  attempt('mode none: any host', async () => {
    const { none, world } = stage()
    const before = world.proxied.length + world.requests.length
    const hosts = ['listed.test', 'registry.npmjs.org', `mirror.direct.test:${world.ports.plain}`]
    for (const host of hosts) {
      for (const scheme of ['https', 'http']) {
        const answer = await curl(none, `${scheme}://${host}/`)
        expect(answer).toMatch(/HTTP\/1\.1 403 egress is off for this agent/)
        expect(answer).toContain('x-berth-refusal: mode_none')
      }
    }
    expect(world.proxied.length + world.requests.length).toBe(before)
    expect(await findDenial(none, 'listed.test')).toMatchObject({ rule: 'mode_none' })
  })

  attempt('mode allowlist: a host that is not on the list', async () => {
    const { main, world } = stage()
    for (const [scheme, port] of [
      ['https', 443],
      ['http', 80],
    ]) {
      const answer = await curl(main, `${scheme}://unlisted.test/`)
      expect(answer).toContain(`HTTP/1.1 403 unlisted.test:${port} is not on the allow-list of this agent.`)
    }
    for (const host of ['sub.listed.test', 'notlisted.test', 'listed.test.evil.test']) {
      expect(await curl(main, `https://${host}/`)).toContain('x-berth-refusal: not_on_allowlist')
    }
    expect(world.proxied.filter((line) => /unlisted|sub\.listed|notlisted|evil/.test(line))).toEqual([])
    expect(world.resolved.filter((name) => /unlisted|sub\.listed|notlisted|evil/.test(name))).toEqual([])
  })

  attempt('mode allowlist: a listed host, by TLS and by plain HTTP', async () => {
    const { main, world } = stage()
    expect(await curl(main, 'https://listed.test/by-tls')).toMatch(new RegExp(`200 OK[^]*${USUAL_ANSWER}`))
    expect(await curl(main, 'http://listed.test/plainly')).toMatch(new RegExp(`200 OK[^]*${USUAL_ANSWER}`))
    expect(world.requests).toEqual(
      expect.arrayContaining([
        { tls: true, serverName: 'listed.test', host: 'listed.test', method: 'GET', url: '/by-tls' },
        { tls: false, serverName: null, host: 'listed.test', method: 'GET', url: '/plainly' },
      ]),
    )
  })

  attempt('mode open: a host that nobody listed', async () => {
    const { open } = stage()
    expect(await curl(open, 'https://nobody-listed.test/')).toContain(USUAL_ANSWER)
    expect(await curl(open, 'http://nobody-listed.test/')).toContain(USUAL_ANSWER)
  })

  attempt('an addition of one agent, from another agent', async () => {
    const { main, other } = stage()
    expect(await curl(main, 'https://added.test/')).toContain(USUAL_ANSWER)
    expect(await curl(other, 'https://added.test/')).toContain('x-berth-refusal: not_on_allowlist')
    expect(await findDenial(other, 'added.test')).toMatchObject({ port: 443 })
  })

  attempt('a host that was refused, once the cure was followed', async () => {
    const { rig, startAgent } = stage()
    const agent = await startAgent()
    const change = (egress: object) => rig.api.call('PATCH', `/api/agents/${agent.id}`, { egress })
    expect(await curl(agent, 'https://added.test/')).toContain(`add "added.test" to the agent's egress.allow`)
    await change({ allow: ['added.test'] })
    expect(await curl(agent, 'https://added.test/')).toContain(USUAL_ANSWER)
    await change({ allow: [] })
    expect(await curl(agent, 'https://added.test/')).toContain('x-berth-refusal: not_on_allowlist')
    await change({ mode: 'none' })
    expect(await curl(agent, 'https://listed.test/')).toContain('x-berth-refusal: mode_none')
  })

  attempt('ports other than 443 and 80', async () => {
    const { main, open, world } = stage()
    for (const port of [22, 8080, 8443]) {
      expect(await curl(main, `https://listed.test:${port}/`)).toContain('x-berth-refusal: not_on_allowlist')
      expect(await curl(open, `http://nobody-listed.test:${port}/`)).toContain('x-berth-refusal: port_not_allowed')
    }
    expect(await findDenial(open, 'nobody-listed.test')).toMatchObject({
      port: 22,
      reason:
        'port 22 of nobody-listed.test is not open: without an entry of its own a host is reached on ports 80 and 443',
      cure: expect.stringContaining('"nobody-listed.test:22"'),
    })
    expect(world.proxied.filter((line) => /:(22|8080|8443)\b/.test(line))).toEqual([])
  })

  attempt('another port that is allowed as host:port', async () => {
    const { main, world } = stage()
    expect(await curl(main, 'http://added.test:8443/')).toContain(USUAL_ANSWER)
    expect(await curl(main, '-p http://added.test:8443/through-a-tunnel')).toContain(USUAL_ANSWER)
    expect(world.proxied).toEqual(expect.arrayContaining(['GET http://added.test:8443/', 'CONNECT added.test:8443']))
    expect(await curl(main, 'http://added.test:8444/')).toContain('x-berth-refusal: not_on_allowlist')
  })
}
