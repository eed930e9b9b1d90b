import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readExtraCertificates } from '../../../../../../../lib/drivers/sandbox/docker/image/extra-certificates.ts'

/** Made for this test, valid for nothing. */
const OWN = `-----BEGIN CERTIFICATE-----
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

describe('extra certificates', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-ca-'))
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('are none without a file', async () => {
    expect(await readExtraCertificates(null)).toEqual(new Map())
  })

  it('are those that public trust does not hold, one file each, named by fingerprint', async () => {
    const bundle = path.join(folder, 'ca.pem')
    await writeFile(bundle, `# a company's bundle\n${rootCertificates[0]}\n${OWN}\n${rootCertificates[1]}\n`)
    const certificates = await readExtraCertificates(bundle)
    expect([...certificates.keys()]).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.crt$/)])
    expect([...certificates.values()].map(String)).toEqual([`${OWN}\n`])
  })

  it('name the file that cannot be read', async () => {
    await expect(readExtraCertificates(path.join(folder, 'none.pem'))).rejects.toMatchObject({
      code: 'image_missing',
      message: expect.stringContaining('none.pem'),
    })
  })
})
