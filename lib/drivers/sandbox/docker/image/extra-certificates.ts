/** The certificates of an extra CA file that public trust does not hold already, as files for update-ca-certificates. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { BerthError } from '../../../../errors.ts'

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/**
 * File name to PEM, named by fingerprint. A company often hands out its whole bundle: what Mozilla's list has is left out,
 * so that the image changes only when the company's part does. Null: no file, no certificates.
 */
export async function readExtraCertificates(file: string | null): Promise<Map<string, Buffer>> {
  if (file === null) return new Map()
  const known = new Set(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256))
  const pems = (await readPem(file)).match(PEM) ?? []
  const certificates = pems.map((pem) => ({ pem, fingerprint: new X509Certificate(pem).fingerprint256 }))
  return new Map(
    certificates
      .filter(({ fingerprint }) => !known.has(fingerprint))
      .map(({ pem, fingerprint }) => [`${fingerprint.replaceAll(':', '').toLowerCase()}.crt`, Buffer.from(`${pem}\n`)]),
  )
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new BerthError(
      'image_missing',
      `The extra CA file ${file} cannot be read, so the agent image cannot be built.`,
      {
        hint: 'Set BERTH_EXTRA_CA to a readable PEM file, or to nothing.',
        cause: error,
      },
    )
  }
}
