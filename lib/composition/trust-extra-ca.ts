/** A company's certificate authority, trusted beside the usual ones by everything in this process that speaks TLS. */
import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { BerthError } from '../errors.ts'

/** Adds the certificates of a PEM file to the defaults of the process. Null: nothing is added. */
export function trustExtraCa(file: string | null): void {
  if (file === null) return
  const added = readCertificates(file)
  tls.setDefaultCACertificates([...new Set([...tls.getCACertificates('default'), ...added])])
}

function readCertificates(file: string): string[] {
  const certificates = readPem(file).match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  if (certificates) return certificates
  throw new BerthError('validation_failed', `${file} holds no certificate in PEM form.`, { hint })
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new BerthError('validation_failed', `The certificates in ${file} cannot be read.`, { hint, cause: error })
  }
}

const hint = 'BERTH_EXTRA_CA (else NODE_EXTRA_CA_CERTS, else SSL_CERT_FILE) must name a PEM file.'
