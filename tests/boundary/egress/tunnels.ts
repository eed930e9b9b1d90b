/** What is said inside of what was allowed: the host that was asked for, and nobody else, is spoken to. */
import { expect } from 'vitest'
import { curl, findDenial, openHostileTunnel, speak, writeConnect } from '../../support/egress-stage.ts'
import { USUAL_ANSWER } from '../../support/egress-world.ts'
import { ask, PLAIN_HTTP } from '../../support/tunnel-rig.ts'
import type { EgressSuite } from './suite.ts'

/** Sends a hello that names `name` in records of `size` bytes, a few bytes at a time; prints the type of the record that answers. */
const SAY_HELLO = (input: { name: string; size: number; half?: boolean }) => `python3 -c '
import socket, ssl
incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
client = ssl._create_unverified_context().wrap_bio(incoming, outgoing, server_hostname="${input.name}")
try: client.do_handshake()
except ssl.SSLWantReadError: pass
body = outgoing.read()[5:]
parts = [body[at:at + ${input.size}] for at in range(0, len(body), ${input.size})]
hello = b"".join(b"\\x16\\x03\\x01" + len(part).to_bytes(2, "big") + part for part in parts)
if ${input.half === true ? 'True' : 'False'}: hello = hello[:len(hello) // 2]
s = socket.create_connection(("127.0.0.1", 3128)); s.settimeout(20)
s.sendall(b"CONNECT listed.test:443 HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n")
s.recv(4096)
for at in range(0, len(hello), 9): s.sendall(hello[at:at + 9])
if ${input.half === true ? 'True' : 'False'}: s.shutdown(socket.SHUT_WR)
print(s.recv(1)[0])'`
const HANDSHAKE = '22\n'
const ALERT = '21\n'

export function tryTunnels({ attempt, stage }: EgressSuite): void {
  attempt('a TLS hello for another host than the CONNECT', async () => {
    const { main, world } = stage()
    const answer = await curl(main, 'https://fronted.test/ --connect-to fronted.test:443:listed.test:443')
    expect(answer).toMatch(/curl: \(35\) .*unrecognized.name/i)
    expect(world.requests.filter(({ serverName, host }) => [serverName, host].includes('fronted.test'))).toEqual([])
    expect(await findDenial(main, 'listed.test', 'sni_mismatch')).toMatchObject({
      port: 443,
      reason: 'the TLS connection to listed.test:443 names the server fronted.test',
    })
  })

  attempt('a TLS hello without a server name', async () => {
    const { main } = stage()
    const { output } = await main.sh(
      'openssl s_client -proxy 127.0.0.1:3128 -connect listed.test:443 -noservername </dev/null 2>&1',
    )
    expect(output).toMatch(/unrecognized name/)
    expect(await findDenial(main, 'listed.test', 'sni_missing')).toMatchObject({ port: 443 })
  })

  attempt('a TLS hello that is torn, spread over records or none at all', async () => {
    const { main, world } = stage()
    const before = world.requests.length
    for (const size of [1, 40]) {
      expect((await main.sh(SAY_HELLO({ name: 'listed.test', size }))).output).toBe(HANDSHAKE)
      expect((await main.sh(SAY_HELLO({ name: 'fronted.test', size }))).output).toBe(ALERT)
      expect((await main.sh(SAY_HELLO({ name: 'listed.test', size, half: true }))).output).toBe(ALERT)
    }
    const notHello = Buffer.from([0x16, 3, 1, 0, 5, 2, 0, 0, 1, 0])
    expect(await speak(main, writeConnect('listed.test:443'), notHello)).toContain('200 Connection established')
    expect(await findDenial(main, 'listed.test', 'tls_malformed')).toMatchObject({
      reason: 'the first TLS record to listed.test:443 cannot be read',
    })
    expect(world.requests).toHaveLength(before)
  })

  attempt('something else than TLS through CONNECT', async () => {
    const { main, world } = stage()
    const before = world.requests.length
    const said = 'GET /smuggled HTTP/1.1\r\nhost: evil.test\r\n\r\n'
    const answer = await speak(main, writeConnect('listed.test:443'), said)
    expect(answer).toContain(
      'what is sent to listed.test:443 through CONNECT is not TLS. To allow it: connect with TLS.',
    )
    expect(await speak(main, writeConnect('listed.test:443'), 'SSH-2.0-client\r\n')).toContain('is not TLS')
    expect(await findDenial(main, 'listed.test', 'not_tls')).toMatchObject({ port: 443 })
    // Past the bridge, where it is told of plain http as well.
    const tunnel = await openHostileTunnel(stage(), main)
    const plain = await ask(tunnel.session, { ':method': 'CONNECT', ':authority': 'listed.test:80' }, said)
    expect(plain.body).toContain('ask the proxy for http://listed.test/ without CONNECT.')
    tunnel.close()
    expect(world.requests).toHaveLength(before)
  })

  attempt('a Host header other than the host asked for', async () => {
    const { main, world } = stage()
    const from = world.requests.length
    expect(await curl(main, '-H "Host: evil.test" http://listed.test/forged')).toContain(USUAL_ANSWER)
    expect(await curl(main, '-p -H "Host: evil.test" http://listed.test/forged-in-a-tunnel')).toContain(USUAL_ANSWER)
    const twice = 'GET http://listed.test/twice HTTP/1.1\r\nhost: evil.test\r\nconnection: close\r\n\r\n'
    expect(await speak(main, twice)).toContain(USUAL_ANSWER)
    const fetched = await main.sh(
      `node -e "fetch('http://listed.test/fetched').then(async (a) => console.log(await a.text()))"`,
    )
    expect(fetched.output).toContain(USUAL_ANSWER)
    const seen = world.requests.slice(from)
    expect(seen.map(({ url }) => url)).toEqual(['/forged', '/forged-in-a-tunnel', '/twice', '/fetched'])
    expect(new Set(seen.map(({ host }) => host))).toEqual(new Set(['listed.test']))
  })

  attempt('a second request in the body of the first', async () => {
    const { main, world } = stage()
    const smuggled = 'GET /smuggled HTTP/1.1\r\nhost: evil.test\r\n\r\n'
    await speak(
      main,
      `POST http://listed.test/long HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfour${smuggled}`,
    )
    const both = 'content-length: 4\r\ntransfer-encoding: chunked'
    await speak(
      main,
      `POST http://listed.test/both HTTP/1.1\r\nhost: x\r\n${both}\r\nconnection: close\r\n\r\n0\r\n\r\n${smuggled}`,
    )
    const tunnel = await openHostileTunnel(stage(), main)
    const headers = {
      ':method': 'POST',
      ':authority': 'listed.test',
      ':path': '/h2',
      ...PLAIN_HTTP,
      'content-length': '4',
    }
    await ask(tunnel.session, headers, `four${smuggled}`).catch(() => undefined)
    tunnel.close()
    expect(world.requests.filter(({ url, host }) => url === '/smuggled' || host === 'evil.test')).toEqual([])
  })
}
