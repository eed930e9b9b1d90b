import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { trustExtraCa } from '../../../../lib/composition/trust-extra-ca.ts'

let directory: string
const file = (name: string) => path.join(directory, name)
const before = tls.getCACertificates('default')

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'berth-ca-'))
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('key.pem')]
  execFileSync('openssl', ['req', '-x509', ...key, ...subject, '-days', '2', '-out', file('ca.pem')], {
    stdio: 'ignore',
  })
})

afterAll(() => {
  tls.setDefaultCACertificates(before)
  rmSync(directory, { recursive: true })
})

describe('an extra certificate authority', () => {
  it('is trusted by every request of the process, and only once it was named', async () => {
    const server = createServer(
      { key: readFileSync(file('key.pem')), cert: readFileSync(file('ca.pem')) },
      (_, answer) => answer.end('trusted'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const url = `https://localhost:${typeof address === 'object' ? address?.port : ''}/`
    await expect(fetch(url)).rejects.toThrow('fetch failed')
    trustExtraCa(file('ca.pem'))
    expect(await (await fetch(url)).text()).toBe('trusted')
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('that is no certificate is refused with the variable to correct', () => {
    writeFileSync(file('empty.pem'), 'nothing here')
    expect(() => trustExtraCa(file('empty.pem'))).toThrow(`${file('empty.pem')} holds no certificate in PEM form.`)
    expect(() => trustExtraCa(file('missing.pem'))).toThrow(
      `The certificates in ${file('missing.pem')} cannot be read.`,
    )
  })
})
