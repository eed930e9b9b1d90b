import { expect, test } from 'vitest'
import { classifyAddress, isSameAddress } from '../../../../lib/domain/address.ts'

test.each([
  ['8.8.8.8', 'public'],
  ['203.0.113.7', 'public'],
  ['192.0.2.1', 'public'],
  ['198.51.100.1', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['100.128.0.0', 'public'],
  ['0.0.0.0', 'unspecified'],
  ['0.1.2.3', 'unspecified'],
  ['10.0.0.1', 'private'],
  ['172.16.0.1', 'private'],
  ['172.31.255.255', 'private'],
  ['192.168.1.1', 'private'],
  ['198.18.0.1', 'private'],
  ['100.64.0.1', 'shared'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['169.254.1.1', 'link_local'],
  ['169.254.169.254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['168.63.129.16', 'metadata'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'reserved'],
  ['240.0.0.1', 'reserved'],
])('IPv4 %s is %s', (address, expected) => {
  expect(classifyAddress(address)).toBe(expected)
})

test.each([
  ['2606:4700::1111', 'public'],
  ['2001:4860:4860::8888', 'public'],
  ['2001:db8::1', 'public'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['0:0:0:0:0:0:0:1', 'loopback'],
  ['fe80::1', 'link_local'],
  ['febf::1', 'link_local'],
  ['fc00::1', 'private'],
  ['fdff:ffff::1', 'private'],
  ['fec0::1', 'private'],
  ['fd00:ec2::254', 'metadata'],
  ['ff02::1', 'multicast'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:7f00:1', 'loopback'],
  ['::ffff:8.8.8.8', 'public'],
  ['::ffff:0:10.0.0.1', 'private'],
  ['64:ff9b::10.0.0.1', 'private'],
  ['64:ff9b::8.8.8.8', 'public'],
  ['64:ff9b:1::1', 'reserved'],
  ['2002:7f00:1::', 'loopback'],
  ['2002:808:808::', 'public'],
  ['::127.0.0.1', 'reserved'],
  ['2001::1', 'reserved'],
  ['100::1', 'reserved'],
  ['4000::1', 'reserved'],
])('IPv6 %s is %s', (address, expected) => {
  expect(classifyAddress(address)).toBe(expected)
})

test.each(['0177.0.0.1', '2130706433', '0x7f.1', '127.1', 'fe80::1%eth0', 'localhost', '', '1.2.3.4 '])(
  '%j is no address',
  (address) => {
    expect(classifyAddress(address)).toBe('invalid')
  },
)

test('an address is the same in every notation of it', () => {
  expect(isSameAddress('::ffff:10.1.2.3', '10.1.2.3')).toBe(true)
  expect(isSameAddress('fe80::1%eth0', 'FE80:0::0:1')).toBe(true)
  expect(isSameAddress('10.1.2.3', '10.1.2.4')).toBe(false)
  expect(isSameAddress('10.1.2.3', 'nonsense')).toBe(false)
})
