/** How what is allowed leaves: to internal hosts, to a company's registries, through its proxy. */
import { expect } from 'vitest'
import { curl, REGISTRY_PASSWORD } from '../../support/egress-stage.ts'
import { USUAL_ANSWER } from '../../support/egress-world.ts'
import type { EgressSuite } from './suite.ts'

const PACKAGE = 'berth-boundary-package'

export function tryWaysOut({ attempt, stage }: EgressSuite): void {
  attempt('an internal host at a private address', async () => {
    const { other, open, world } = stage()
    const { plain, tls } = world.ports
    for (const agent of [other, open]) {
      expect(await curl(agent, `https://mirror.direct.test:${tls}/`)).toContain(USUAL_ANSWER)
      expect(await curl(agent, `http://mirror.direct.test:${plain}/`)).toContain(USUAL_ANSWER)
    }
    expect(world.proxied.filter((line) => line.includes('mirror'))).toEqual([])
    // Named with its ports only.
    expect(await curl(open, 'https://mirror.direct.test/')).toContain('x-berth-refusal: address_')
  })

  attempt('registries of the control plane, in the environment without their credentials', async () => {
    const { other, rig, world } = stage()
    const { plain } = world.ports
    const { output } = await other.sh('env; cat /proc/self/environ; npm config list; pip config list')
    expect(output).toContain(`NPM_CONFIG_REGISTRY=http://npm.direct.test:${plain}/npm/\n`)
    expect(output).toContain(`PIP_INDEX_URL=http://pip.direct.test:${plain}/simple/\n`)
    expect(output).toContain(`UV_INDEX_URL=http://pip.direct.test:${plain}/simple/\n`)
    expect(output).toContain(`GOPROXY=http://go.direct.test:${plain}/go,direct\n`)
    const shown = JSON.stringify(await rig.engine.inspect(other.id))
    for (const text of [output, shown]) expect(text).not.toContain(REGISTRY_PASSWORD)
  })

  attempt('a company mirror at a private address: npm and pip find their packages there', async () => {
    const { other, world } = stage()
    world.answer = (request, response) => {
      if (request.url === `/npm/${PACKAGE}`) {
        const versions = { '1.2.3': { name: PACKAGE, version: '1.2.3', dist: { tarball: 'http://unused.test/' } } }
        response.end(JSON.stringify({ name: PACKAGE, 'dist-tags': { latest: '1.2.3' }, versions }))
      } else if (request.url === `/simple/${PACKAGE}/`) {
        response.setHeader('content-type', 'text/html')
        response.end(`<a href="${PACKAGE.replaceAll('-', '_')}-4.5.6-py3-none-any.whl">wheel</a>`)
      } else {
        return false
      }
      return true
    }
    expect((await other.sh(`npm view ${PACKAGE} version`)).output).toBe('1.2.3\n')
    const pip = await other.sh(`pip index versions --trusted-host pip.direct.test ${PACKAGE}`)
    expect(pip.output).toContain(`${PACKAGE} (4.5.6)`)
    world.answer = () => false
    expect(world.proxied.filter((line) => line.includes('direct.test'))).toEqual([])
  })

  attempt('out through the company proxy, by name, internal hosts past it', async () => {
    const { main, world } = stage()
    world.names['past.direct.test'] = ['10.255.255.1']
    expect(await curl(main, 'https://listed.test/through')).toContain(USUAL_ANSWER)
    expect(await curl(main, 'http://listed.test/through')).toContain(USUAL_ANSWER)
    expect(world.proxied).toEqual(expect.arrayContaining(['CONNECT listed.test:443', 'GET http://listed.test/through']))
    expect(world.resolved).not.toContain('listed.test')
    expect(await curl(main, `http://mirror.direct.test:${world.ports.plain}/`)).toContain(USUAL_ANSWER)
    // NO_PROXY leads past the proxy, and into the rules on addresses.
    expect(await curl(main, 'https://past.direct.test/')).toContain('x-berth-refusal: address_private')
    expect(world.proxied.filter((line) => line.includes('direct.test'))).toEqual([])
  })

  attempt("the company proxy's credentials, anywhere a sandbox or its log shows", async () => {
    const { main, rig, world, log } = stage()
    const seen = await main.sh('env; cat /proc/[0-9]*/environ 2>/dev/null; curl -sv http://listed.test/ 2>&1')
    const shown = await rig.engine.inspect(main.id)
    const encoded = Buffer.from(`ada:${world.proxyPassword}`).toString('base64')
    for (const text of [seen.output, JSON.stringify(shown), JSON.stringify(main.events), JSON.stringify(log)]) {
      expect(text).not.toContain(world.proxyPassword)
      expect(text).not.toContain(encoded)
    }
  })

  attempt('past the proxy inside: a program that does not ask it', async () => {
    const { open } = stage()
    const { output } = await open.sh(
      [
        `curl --noproxy '*' -sS -m 5 https://listed.test/`,
        `curl --noproxy '*' -sS -m 5 http://192.0.2.1/`,
        'ls /sys/class/net',
      ].join('; '),
    )
    expect(output).toMatch(/^curl: \(6\) Could not resolve host: listed\.test\ncurl: \(7\) [^\n]*\nlo\n$/)
  })
}
