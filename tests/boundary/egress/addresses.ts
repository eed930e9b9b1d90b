/** Where a name that is allowed may lead: every address is judged, and the judged one is dialled. */
import { expect } from 'vitest'
import type { BoundaryAgent } from '../../support/boundary-rig.ts'
import { curl, findDenial, OWN_ADDRESS, speak, writeConnect } from '../../support/egress-stage.ts'
import type { EgressSuite } from './suite.ts'

/** The literal, in a URL, with nothing of curl's own opinion which addresses need no proxy. */
const askFor = (agent: BoundaryAgent, host: string, scheme = 'http') =>
  curl(agent, `--noproxy '' -g '${scheme}://${host}/'`)

export function tryAddresses({ attempt, stage }: EgressSuite): void {
  /** Names of the world that lead to `addresses`, each tried by TLS and plainly, and refused by `rule`. */
  const expectRefused = async (name: string, addresses: string[], rule: string) => {
    const { main, world } = stage()
    world.names[name] = addresses
    for (const scheme of ['https', 'http']) {
      expect(await curl(main, `${scheme}://${name}/`)).toContain(`x-berth-refusal: ${rule}`)
    }
    expect(await findDenial(main, name)).toMatchObject({ rule })
    expect(world.proxied.filter((line) => line.includes(name))).toEqual([])
  }
  const expectLiteralRefused = async (host: string, rule: string) => {
    const { open } = stage()
    for (const scheme of ['https', 'http']) {
      expect(await askFor(open, host, scheme), host).toContain(`x-berth-refusal: ${rule}`)
    }
  }

  attempt('a private address behind an allowed name', async () => {
    const { main } = stage()
    await expectRefused('ten.direct.test', ['10.1.2.3'], 'address_private')
    await expectRefused('one-seven-two.direct.test', ['172.31.0.1'], 'address_private')
    await expectRefused('one-nine-two.direct.test', ['192.168.0.1'], 'address_private')
    await expectRefused('shared.direct.test', ['100.64.0.1'], 'address_shared')
    await expectRefused('loopback.direct.test', ['127.9.9.9'], 'address_loopback')
    await expectRefused('link-local.direct.test', ['169.254.1.1'], 'address_link_local')
    await expectRefused('multicast.direct.test', ['224.0.0.251'], 'address_multicast')
    await expectRefused('unspecified.direct.test', ['0.0.0.0'], 'address_unspecified')
    expect(await findDenial(main, 'ten.direct.test')).toMatchObject({
      reason: 'ten.direct.test:443 leads to 10.1.2.3, a private address',
      cure: 'if sandboxes may reach it, add "ten.direct.test" to BERTH_EGRESS_INTERNAL_HOSTS',
    })
  })

  attempt('a private address behind a name that nobody listed, through the company proxy', async () => {
    const { open, world } = stage()
    world.names['intranet.corp.test'] = ['10.0.0.80']
    expect(await curl(open, 'https://intranet.corp.test/')).toContain('x-berth-refusal: address_private')
    expect(await curl(open, 'http://localhost:80/ --noproxy ""')).toContain('x-berth-refusal: ')
    expect(world.proxied.filter((line) => /corp|localhost/.test(line))).toEqual([])
  })

  attempt('a name that answers differently the second time', async () => {
    const { main, world, raw } = stage()
    const name = 'rebind.direct.test'
    const answers = [['198.51.100.77'], ['127.0.0.1'], ['127.0.0.1']]
    world.names[name] = () => answers.shift() ?? ['127.0.0.1']
    const before = world.resolved.length
    let reached = 0
    raw.serve = (socket) => {
      reached += 1
      socket.end()
    }
    // The first answer is public, so that very address is dialled; nobody serves there.
    await curl(main, `-m 3 -p http://${name}:${raw.port}/`)
    expect(world.resolved.slice(before)).toEqual([name])
    // What comes next is judged anew.
    expect(await curl(main, `-p http://${name}:${raw.port}/`)).toContain('x-berth-refusal: address_loopback')
    expect(reached).toBe(0)
  })

  attempt('a name with one public and one private address', async () => {
    await expectRefused('both.direct.test', ['203.0.113.5', '10.0.0.5'], 'address_private')
    await expectRefused('both-families.direct.test', ['203.0.113.5', 'fd00::5'], 'address_private')
  })

  attempt('IPv6 loopback, link-local and unique local addresses', async () => {
    for (const [host, rule] of [
      ['::1', 'address_loopback'],
      ['fe80::1', 'address_link_local'],
      ['fd12:3456::1', 'address_private'],
      ['fc00::1', 'address_private'],
      ['ff02::1', 'address_multicast'],
      ['::', 'address_unspecified'],
    ] as const) {
      await expectLiteralRefused(`[${host}]`, rule)
      await expectRefused(`six-${rule.replace('address_', '').replace('_', '-')}.direct.test`, [host], rule)
    }
  })

  attempt('IPv4 inside IPv6', async () => {
    for (const [host, rule] of [
      ['::ffff:127.0.0.1', 'address_loopback'],
      ['::ffff:7f00:1', 'address_loopback'],
      ['::ffff:10.0.0.1', 'address_private'],
      ['::ffff:0:10.0.0.1', 'address_private'],
      ['64:ff9b::10.0.0.1', 'address_private'],
      ['64:ff9b::a9fe:a9fe', 'address_metadata'],
      ['2002:7f00:1::', 'address_loopback'],
      ['::127.0.0.1', 'address_reserved'],
    ] as const) {
      await expectLiteralRefused(`[${host}]`, rule)
    }
    await expectRefused('mapped.direct.test', ['::ffff:192.168.1.1'], 'address_private')
  })

  attempt('addresses in decimal, octal, hexadecimal and short form', async () => {
    const { open } = stage()
    const forms = ['2130706433', '0177.0.0.1', '0x7f.0.0.1', '0x7f000001', '127.1', '127.0.1', '10.1', '127.0.0.1.']
    for (const form of forms) {
      const rule = form === '127.0.0.1.' ? 'address_loopback' : 'invalid_host'
      expect(await speak(open, writeConnect(`${form}:443`)), form).toContain(`x-berth-refusal: ${rule}`)
      const plain = `GET http://${form}/ HTTP/1.1\r\nhost: ${form}\r\nconnection: close\r\n\r\n`
      expect(await speak(open, plain), form).toMatch(/x-berth-refusal: (address_(loopback|private)|invalid_host)/)
    }
  })

  attempt('metadata services', async () => {
    for (const address of ['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '[fd00:ec2::254]']) {
      await expectLiteralRefused(address, 'address_metadata')
    }
    await expectRefused('imds.direct.test', ['169.254.169.254'], 'address_metadata')
    // Naming it an internal host does not help.
    await expectRefused('metadata.direct.test', ['169.254.169.254'], 'address_metadata')
    expect(await findDenial(stage().main, 'metadata.direct.test')).toMatchObject({
      cure: 'give the host another address: this one is open to no sandbox',
    })
  })

  attempt("the control plane's own addresses", async () => {
    const { rig } = stage()
    await expectLiteralRefused(OWN_ADDRESS, 'address_own')
    await expectRefused('own.direct.test', [OWN_ADDRESS], 'address_own')
    await expectRefused('own-mapped.direct.test', [`::ffff:${OWN_ADDRESS}`], 'address_own')
    const { port } = new URL(rig.url)
    const dashboard = await askFor(stage().open, `127.0.0.1:${port}/api/health`)
    expect(dashboard).toContain('x-berth-refusal: port_not_allowed')
  })
}
