/** Extra certificate authorities: the file is there, holds certificates that still count, and is the one that sandboxes get too. */
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { rootCertificates } from 'node:tls'
import { type Finding, ok, problem, warning } from '../finding.ts'

export interface CertificateFile {
  /** BERTH_EXTRA_CA, NODE_EXTRA_CA_CERTS or SSL_CERT_FILE, in the order in which they count. */
  name: string
  file: string
  /** The system's code when it cannot be read. */
  error: string | null
  /** SHA-256 of what lies in it beyond the public list; compares two files. */
  added: CertificateFacts[]
  /** All of it, the public list's included. */
  total: number
  /** Blocks between the marks of a certificate that are none. */
  broken: number
}

export interface CertificateFacts {
  fingerprint: string
  /** e.g. "Example Corp Root CA" */
  name: string
  expires: Date
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

export async function readCertificateFile(variable: { name: string; file: string }): Promise<CertificateFile> {
  const text = await readFile(variable.file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error
    return { error: error.code }
  })
  if (typeof text !== 'string') return { ...variable, error: text.error, added: [], total: 0, broken: 0 }
  const blocks = text.match(PEM) ?? []
  const certificates = blocks.flatMap((block) => parse(block) ?? [])
  const known = new Set(rootCertificates.map((pem) => new X509Certificate(pem).fingerprint256))
  const added = certificates.filter(({ fingerprint }) => !known.has(fingerprint))
  return { ...variable, error: null, added, total: certificates.length, broken: blocks.length - certificates.length }
}

function parse(block: string): CertificateFacts | null {
  try {
    const certificate = new X509Certificate(block)
    const name = /(?:^|\n)CN=(.*)/.exec(certificate.subject)?.[1] ?? certificate.subject.split('\n').at(-1) ?? 'no name'
    return { fingerprint: certificate.fingerprint256, name, expires: certificate.validToDate }
  } catch {
    // OpenSSL's many ways to say that it is none.
    return null
  }
}

/** The first file is the one that counts. */
export function judgeCertificates(files: CertificateFile[], now: Date): Finding[] {
  const [first, ...others] = files
  if (first === undefined) return [ok('none beyond the public ones that Node brings')]
  const wrong = judgeFile(first)
  if (wrong !== null) return [wrong]
  const findings = [...judgeExpired(first, now), ...judgeOthers(first, others)]
  return findings.length === 0 ? [ok(describe(first))] : findings
}

function describe({ name, file, added, total }: CertificateFile): string {
  const beyond = added.length === 0 ? 'all of them public' : `${added.length} beyond the public ones`
  return `${name}: ${file} has ${total} ${total === 1 ? 'certificate' : 'certificates'}, ${beyond}`
}

/** A start refuses these. */
function judgeFile({ name, file, error, total, broken }: CertificateFile): Finding | null {
  const advice = `Name a PEM file in ${name} ("-----BEGIN CERTIFICATE-----"), or leave it empty. From DER: openssl x509 -inform der -in ca.cer -out ca.pem`
  const because = 'the extra certificates cannot be read'
  if (error !== null) return problem(`${name}: ${file} cannot be read (${error})`, advice, because)
  if (total === 0) return problem(`${name}: ${file} holds no certificate in PEM form`, advice, because)
  if (broken > 0) return problem(`${name}: ${broken} of the certificates in ${file} cannot be read`, advice, because)
  return null
}

/** A system's own list is longer, and always has some that have expired and are in nobody's way. */
const WHOLE_LIST = 50

function judgeExpired({ name, file, added, total }: CertificateFile, now: Date): Finding[] {
  if (total > WHOLE_LIST) return []
  const expired = added.filter(({ expires }) => expires < now)
  const [one] = expired
  if (one === undefined) return []
  const more = expired.length === 1 ? '' : ` and ${expired.length - 1} more`
  return [
    warning(
      `${name}: "${one.name}"${more} in ${file} has expired (${one.expires.toISOString().slice(0, 10)})`,
      'Get the current file from who signs with it, your network administrators say.',
    ),
  ]
}

/** Node itself reads NODE_EXTRA_CA_CERTS too, whatever Berth reads: then Berth trusts more than its sandboxes. */
function judgeOthers(first: CertificateFile, others: CertificateFile[]): Finding[] {
  const node = others.find(({ name }) => name === 'NODE_EXTRA_CA_CERTS')
  if (first.name !== 'BERTH_EXTRA_CA' || node === undefined || node.error !== null) return []
  const has = new Set(first.added.map(({ fingerprint }) => fingerprint))
  const missing = node.added.filter(({ fingerprint }) => !has.has(fingerprint))
  const [one] = missing
  if (one === undefined) return []
  return [
    warning(
      `NODE_EXTRA_CA_CERTS (${node.file}) has ${missing.length === 1 ? '' : `${missing.length} certificates, such as `}"${one.name}", which BERTH_EXTRA_CA has not: sandboxes and image builds do not get it`,
      `Put all of them into one file and name that in BERTH_EXTRA_CA: cat '${first.file}' '${node.file}' > ca.pem`,
    ),
  ]
}
