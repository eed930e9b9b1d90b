// Prints those certificates of a bundle that Node does not trust by itself. Node reads NODE_EXTRA_CA_CERTS at every
// start: the whole bundle costs 20 ms each time, what is left of it nearly nothing.
const { X509Certificate } = require('node:crypto')
const { readFileSync } = require('node:fs')
const { rootCertificates } = require('node:tls')

const fingerprint = (pem) => new X509Certificate(pem).fingerprint256
const known = new Set(rootCertificates.map(fingerprint))
const bundle = readFileSync(process.argv[2], 'utf8')
const certificates = bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
for (const pem of certificates) if (!known.has(fingerprint(pem))) console.log(pem)
