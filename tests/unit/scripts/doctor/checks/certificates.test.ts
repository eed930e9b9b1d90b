import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type CertificateFile,
  judgeCertificates,
  readCertificateFile,
} from '../../../../../scripts/doctor/checks/certificates.ts'

/** Made for tests, valid for nothing, for a hundred years from 2026. */
const BERTH = `-----BEGIN CERTIFICATE-----
MIIBhjCCAS2gAwIBAgIUaA6W3SW27N/PZgrDT/aCzNvE0fUwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNQmVydGggdGVzdCBDQTAgFw0yNjExMjEwODE4NDJaGA8yMTI2
MTAyODA4MTg0MlowGDEWMBQGA1UEAwwNQmVydGggdGVzdCBDQTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABKpYdXtQ3TpEg+izivFDdhHpNF2JwY/KE0BifayIODKJ
EB7Zi3PWZEJfuGY5zbZG/rCG18mFssbb20pgguBvCt2jUzBRMB0GA1UdDgQWBBT9
xwpk/lQ3XiFM4vMg1Jjs43fI7DAfBgNVHSMEGDAWgBT9xwpk/lQ3XiFM4vMg1Jjs
43fI7DAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIQCe2Z8tx4Qa
JHpZ9OMWhWLCgyIicqexEUhPmujkuYJ1jgIfTxBR6jx//F/B1EX7W5iUe3HqZ/4e
1wq7tktkQskkig==
-----END CERTIFICATE-----`
const OTHER = `-----BEGIN CERTIFICATE-----
MIIBtDCCAVugAwIBAgIUDX7ocxmqgDM+K6V6OLA0Yrq53fcwCgYIKoZIzj0EAwIw
LzEVMBMGA1UECgwMRXhhbXBsZSBDb3JwMRYwFAYDVQQDDA1PdGhlciB0ZXN0IENB
MCAXDTI2MTEyMTExMDE0N1oYDzIxMjYxMDI4MTEwMTQ3WjAvMRUwEwYDVQQKDAxF
eGFtcGxlIENvcnAxFjAUBgNVBAMMDU90aGVyIHRlc3QgQ0EwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAAR1SDNrIedOKr9wtdH3ZiSzbv5gqeE5CtmcL0fH5tAM44GE
DtXbH8htzQ0HZjfCvyO89A6nNKYCocKjo/jMxF8do1MwUTAdBgNVHQ4EFgQU1vVG
72bxH5DWRLflENA4zMMGOgkwHwYDVR0jBBgwFoAU1vVG72bxH5DWRLflENA4zMMG
OgkwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiAT4iwLqGUHG3pX
HT1VoCn2IFz3NP3/h9SNgRxGZe1LTQIgXqUERahCwR2a72pbYpIQYyUueshp3DWo
aG6j+KfAFLE=
-----END CERTIFICATE-----`
const NOW = new Date('2026-11-21T10:00:00Z')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-certificates-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function fileOf(name: string, content: string): Promise<CertificateFile> {
  const file = path.join(folder, `${name}.pem`)
  await writeFile(file, content)
  return readCertificateFile({ name, file })
}

describe('judgeCertificates', () => {
  it('is content without a file, and with one of certificates that count', async () => {
    expect(judgeCertificates([], NOW)).toEqual([
      { severity: 'ok', found: 'none beyond the public ones that Node brings' },
    ])
    const one = await fileOf('BERTH_EXTRA_CA', `# our own\n${BERTH}\n${rootCertificates[0]}\n`)
    expect(judgeCertificates([one], NOW)).toEqual([
      { severity: 'ok', found: `BERTH_EXTRA_CA: ${one.file} has 2 certificates, 1 beyond the public ones` },
    ])
  })

  it('blocks for a file that a start refuses', async () => {
    const absent = await readCertificateFile({ name: 'SSL_CERT_FILE', file: path.join(folder, 'none.pem') })
    const der = await fileOf('BERTH_EXTRA_CA', '0\u0082\u0001')
    const torn = await fileOf('NODE_EXTRA_CA_CERTS', BERTH.replace('MIIB', 'MIIX'))
    const words = [absent, der, torn].map((file) => judgeCertificates([file], NOW))
    expect(words).toEqual([
      [
        expect.objectContaining({
          severity: 'problem',
          found: `SSL_CERT_FILE: ${absent.file} cannot be read (ENOENT)`,
        }),
      ],
      [
        {
          severity: 'problem',
          found: `BERTH_EXTRA_CA: ${der.file} holds no certificate in PEM form`,
          advice:
            'Name a PEM file in BERTH_EXTRA_CA ("-----BEGIN CERTIFICATE-----"), or leave it empty. From DER: openssl x509 -inform der -in ca.cer -out ca.pem',
          because: 'the extra certificates cannot be read',
        },
      ],
      [
        expect.objectContaining({
          severity: 'problem',
          found: expect.stringMatching(/holds no certificate|cannot be read/),
        }),
      ],
    ])
  })

  it("warns of one that has expired, but not of a system's whole list, which always has some", async () => {
    const later = new Date('2200-01-01T00:00:00Z')
    const one = await fileOf('BERTH_EXTRA_CA', `${BERTH}\n${OTHER}\n`)
    expect(judgeCertificates([one], later)).toEqual([
      expect.objectContaining({
        severity: 'warning',
        found: `BERTH_EXTRA_CA: "Berth test CA" and 1 more in ${one.file} has expired (2126-10-28)`,
      }),
    ])
    const list = await fileOf('SSL_CERT_FILE', [...rootCertificates, BERTH].join('\n'))
    expect(judgeCertificates([list], later)).toEqual([expect.objectContaining({ severity: 'ok' })])
  })

  it('warns when Node trusts more than sandboxes are given, and not when both files say the same', async () => {
    const berth = await fileOf('BERTH_EXTRA_CA', BERTH)
    const node = await fileOf('NODE_EXTRA_CA_CERTS', `${OTHER}\n${BERTH}`)
    expect(judgeCertificates([berth, node], NOW)).toEqual([
      {
        severity: 'warning',
        found: `NODE_EXTRA_CA_CERTS (${node.file}) has "Other test CA", which BERTH_EXTRA_CA has not: sandboxes and image builds do not get it`,
        advice: `Put all of them into one file and name that in BERTH_EXTRA_CA: cat '${berth.file}' '${node.file}' > ca.pem`,
      },
    ])
    const both = await fileOf('BERTH_EXTRA_CA', `${BERTH}\n${OTHER}`)
    expect(judgeCertificates([both, node], NOW)).toEqual([expect.objectContaining({ severity: 'ok' })])
    // Without BERTH_EXTRA_CA, it is Node's that counts for both.
    expect(judgeCertificates([node, { ...berth, name: 'SSL_CERT_FILE' }], NOW)).toEqual([
      expect.objectContaining({ severity: 'ok' }),
    ])
  })
})
