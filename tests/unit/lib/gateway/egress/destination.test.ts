import { describe, expect, test } from 'vitest'
import { NO_COMPANY_PROXY } from '../../../../../lib/domain/company-proxy.ts'
import type { EgressPolicy } from '../../../../../lib/domain/egress-policy.ts'
import { findDestination, type Network } from '../../../../../lib/gateway/egress/destination.ts'

const OWN = ['198.51.100.9', '192.168.7.7']
const names: Record<string, string[]> = {}
const network: Network = {
  resolve: async (host) => {
    const addresses = names[host]
    if (addresses === undefined) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
    return addresses
  },
  ownAddresses: () => OWN,
}

function find(host: string, policy: Partial<EgressPolicy>, changes: { network?: Network; signal?: AbortSignal } = {}) {
  return findDestination({
    target: { host, port: 443 },
    protocol: 'https:',
    policy: { mode: 'allowlist', allow: [], internalHosts: [], ...policy },
    network,
    proxy: NO_COMPANY_PROXY,
    timeoutMs: 50,
    signal: new AbortController().signal,
    ...changes,
  })
}

describe('an internal host', () => {
  test.each(['127.0.0.1', '10.1.2.3', '172.20.0.1', '100.64.0.1', 'fd12::1', '::1', ...OWN])(
    'may be at %s, and is dialled there',
    async (address) => {
      names['mirror.test'] = [address]
      expect(await find('mirror.test', { internalHosts: ['mirror.test'] })).toMatchObject({
        addresses: [address],
        proxyUrl: null,
      })
      expect(await find('mirror.test', { mode: 'open' })).toMatchObject({ rule: expect.stringMatching(/^address_/) })
    },
  )

  test.each([
    ['169.254.169.254', 'address_metadata'],
    ['100.100.100.200', 'address_metadata'],
    ['fd00:ec2::254', 'address_metadata'],
    ['::ffff:169.254.169.254', 'address_metadata'],
    ['169.254.170.23', 'address_link_local'],
    ['fe80::1', 'address_link_local'],
    ['224.0.0.1', 'address_multicast'],
    ['0.0.0.0', 'address_unspecified'],
    ['255.255.255.255', 'address_reserved'],
  ])('at %s is refused all the same, by %s', async (address, rule) => {
    names['mirror.test'] = ['10.0.0.1', address]
    const found = await find('mirror.test', { internalHosts: ['*.test'] })
    expect(found).toMatchObject({ rule, cure: 'give the host another address: this one is open to no sandbox' })
  })
})

test('the control plane’s own addresses are refused as such, public or not', async () => {
  for (const address of [...OWN, '::ffff:198.51.100.9']) {
    names['own.test'] = [address]
    expect(await find('own.test', { mode: 'open' })).toMatchObject({ rule: 'address_own' })
  }
})

test('a name that does not resolve in time is said to, and nobody asks for it any more', async () => {
  let asking: AbortSignal | undefined
  const silent: Network = {
    ...network,
    resolve: (_host, { signal }) => {
      asking = signal
      return new Promise(() => {})
    },
  }
  expect(await find('slow.test', { mode: 'open' }, { network: silent })).toEqual({
    unresolved: 'the name did not resolve within 50 ms',
  })
  expect(asking?.aborted).toBe(true)
})

test('a sandbox that leaves ends the lookup', async () => {
  const leaving = new AbortController()
  const silent: Network = { ...network, resolve: () => new Promise(() => leaving.abort(new Error('left'))) }
  expect(await find('slow.test', { mode: 'open' }, { network: silent, signal: leaving.signal })).toEqual({
    unresolved: 'the name does not resolve (left)',
  })
})
