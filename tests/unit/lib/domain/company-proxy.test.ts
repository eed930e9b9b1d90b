import { expect, test } from 'vitest'
import { findProxy, goesPastProxy } from '../../../../lib/domain/company-proxy.ts'

test.each([
  ['corp.example', 'corp.example', 443, true],
  ['corp.example', 'mirror.corp.example', 443, true],
  ['corp.example', 'evilcorp.example', 443, false],
  ['.corp.example', 'mirror.corp.example', 443, true],
  ['.corp.example', 'corp.example', 443, true],
  ['*.corp.example', 'mirror.corp.example', 443, true],
  ['*.corp.example', 'corp.example.evil.test', 443, false],
  [' Corp.Example. ', 'corp.example', 443, true],
  ['mirror.test:8081', 'mirror.test', 8081, true],
  ['mirror.test:8081', 'mirror.test', 443, false],
  ['*', 'anything.test', 443, true],
  ['', 'anything.test', 443, false],
  ['.', 'anything.test', 443, false],
  ['10.1.2.3', '10.1.2.3', 443, true],
  ['10.1.2.3:80', '10.1.2.3', 443, false],
  ['10.0.0.0/8', '10.200.0.1', 443, true],
  ['10.0.0.0/8', '11.0.0.1', 443, false],
  ['10.0.0.0/8', '::ffff:10.0.0.1', 443, true],
  ['10.0.0.0/99', '10.0.0.1', 443, false],
  ['10.0.0.0/', '10.0.0.1', 443, false],
  ['10.0.0.0/8', 'ten.test', 443, false],
  ['10', '10.0.0.10', 443, false],
  ['2001:db8::/32', '2001:db8::5', 443, true],
  ['[2001:db8::5]:8443', '2001:db8::5', 8443, true],
  ['[2001:db8::5]:8443', '2001:db8::5', 443, false],
  ['2001:db8::5', '2001:db8::6', 443, false],
])('NO_PROXY=%j lets %s:%i go past the proxy: %s', (entry, host, port, expected) => {
  expect(goesPastProxy([entry], host, port)).toBe(expected)
})

test('this machine is never asked for through a proxy', () => {
  const past = ['localhost', 'app.localhost', '127.0.0.1', '127.9.9.9', '::1'].filter((host) =>
    goesPastProxy([], host, 80),
  )
  expect(past).toEqual(['localhost', 'app.localhost', '127.0.0.1', '127.9.9.9', '::1'])
})

test('https and plain http have a proxy each, and either may have none', () => {
  const proxy = { https: 'http://secure.test:1', http: 'http://plain.test:2', noProxy: ['near.test'] }
  const far = { host: 'far.test', port: 443 }
  expect(findProxy(proxy, 'https:', far)).toBe('http://secure.test:1')
  expect(findProxy(proxy, 'http:', far)).toBe('http://plain.test:2')
  expect(findProxy({ ...proxy, http: null }, 'http:', far)).toBeNull()
  expect(findProxy(proxy, 'https:', { host: 'near.test', port: 443 })).toBeNull()
})
