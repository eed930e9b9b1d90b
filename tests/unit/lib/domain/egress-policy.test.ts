import { expect, test } from 'vitest'
import type { EgressPolicy } from '../../../../lib/domain/egress-policy.ts'
import { matchesHost, parseEgressTarget, refuseByName, writeEntry } from '../../../../lib/domain/egress-policy.ts'

test.each([
  ['registry.test', 'registry.test', 443, true],
  ['registry.test', 'registry.test', 80, true],
  ['registry.test', 'registry.test', 8080, false],
  ['registry.test', 'sub.registry.test', 443, false],
  ['*.registry.test', 'sub.registry.test', 443, true],
  ['*.registry.test', 'a.b.registry.test', 443, true],
  ['*.registry.test', 'registry.test', 443, false],
  ['*.registry.test', 'evilregistry.test', 443, false],
  ['registry.test:8443', 'registry.test', 8443, true],
  ['registry.test:8443', 'registry.test', 443, false],
  ['::1', '::1', 443, true],
  ['::1', '::1', 8443, false],
  ['[2001:db8::1]', '2001:db8::1', 443, true],
  ['[2001:db8::1]:8443', '2001:db8::1', 8443, true],
  ['[2001:db8::1]:8443', '2001:db8::1', 443, false],
])('the entry %s covers %s port %i: %s', (pattern, host, port, expected) => {
  expect(matchesHost([pattern], host, port)).toBe(expected)
})

test.each([
  ['Example.TEST:443', { host: 'example.test', port: 443 }],
  ['example.test.:443', { host: 'example.test', port: 443 }],
  ['under_score.test:443', { host: 'under_score.test', port: 443 }],
  ['1.2.3.4:443', { host: '1.2.3.4', port: 443 }],
  ['[2001:DB8::1]:443', { host: '2001:db8::1', port: 443 }],
])('%s is read as a target', (authority, expected) => {
  expect(parseEgressTarget(authority, null)).toEqual(expected)
})

test.each([
  'example.test',
  'example.test:0',
  'example.test:65536',
  'example.test:443:443',
  'exa mple.test:443',
  'example.test\0.evil.test:443',
  'user@example.test:443',
  'example.test..:443',
  '.example.test:443',
  '-a.test:443',
  'ex\u00e4mple.test:443',
  '2130706433:80',
  '0177.0.0.1:80',
  '0x7f.0.0.1:80',
  '127.1:80',
  '127.0.0.1.:80x',
  'a.0x7f:80',
  '[::1%eth0]:80',
  '[::1:80',
  '::1:80',
  '',
])('%j is refused as no target', (authority) => {
  expect(parseEgressTarget(authority, null)).toMatchObject({ rule: 'invalid_host' })
})

test('without a port the default is taken where there is one', () => {
  expect(parseEgressTarget('example.test', 80)).toEqual({ host: 'example.test', port: 80 })
})

const policy = (mode: EgressPolicy['mode'], allow: string[] = []): EgressPolicy => ({ mode, allow, internalHosts: [] })
const https = { host: 'example.test', port: 443 }

test('mode none refuses what is on the list too, and names the cure', () => {
  expect(refuseByName(policy('none', ['example.test']), https)).toEqual({
    rule: 'mode_none',
    reason: 'egress is off for this agent, so example.test:443 cannot be reached',
    cure: 'set the agent\'s egress.mode to "allowlist" and add "example.test" to its egress.allow',
  })
})

test('mode allowlist lets through what is listed and says how to list the rest', () => {
  expect(refuseByName(policy('allowlist', ['example.test']), https)).toBeNull()
  expect(refuseByName(policy('allowlist'), { host: 'example.test', port: 8443 })).toEqual({
    rule: 'not_on_allowlist',
    reason: 'example.test:8443 is not on the allow-list of this agent',
    cure: 'add "example.test:8443" to the agent\'s egress.allow, or to BERTH_EGRESS_ALLOW for all agents',
  })
})

test('mode open lets through 80 and 443, other ports only by an entry', () => {
  expect(refuseByName(policy('open'), https)).toBeNull()
  expect(refuseByName(policy('open'), { host: 'example.test', port: 22 })).toMatchObject({ rule: 'port_not_allowed' })
  expect(refuseByName(policy('open', ['example.test:22']), { host: 'example.test', port: 22 })).toBeNull()
})

test.each(['allowlist', 'open'] as const)(
  'mode %s: an internal host is reached without another entry, on its ports',
  (mode) => {
    const internal = { mode, allow: [], internalHosts: ['mirror.test', 'files.test:8081'] }
    expect(refuseByName(internal, { host: 'mirror.test', port: 443 })).toBeNull()
    expect(refuseByName(internal, { host: 'files.test', port: 8081 })).toBeNull()
    expect(refuseByName(internal, { host: 'mirror.test', port: 8081 })).not.toBeNull()
  },
)

test('mode none: nor is an internal host', () => {
  const internal = { mode: 'none' as const, allow: [], internalHosts: ['mirror.test'] }
  expect(refuseByName(internal, { host: 'mirror.test', port: 443 })).toMatchObject({ rule: 'mode_none' })
})

test.each([
  { host: 'example.test', port: 443 },
  { host: 'example.test', port: 8443 },
  { host: '2001:db8::1', port: 80 },
  { host: '2001:db8::1', port: 8443 },
])('the entry that a cure names covers its target: %j', (target) => {
  expect(matchesHost([writeEntry(target)], target.host, target.port)).toBe(true)
})
