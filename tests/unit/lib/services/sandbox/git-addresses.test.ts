import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { gitAddresses } from '../../../../../lib/services/sandbox/git-addresses.ts'

/** Where git goes when it is given this address. */
function goesTo(address: string, forgeUrl = 'https://forge.example'): string {
  const env = { ...process.env, ...gitAddresses(['octo/sample', 'octo/library'], forgeUrl) }
  return execFileSync('git', ['ls-remote', '--get-url', address], { cwd: tmpdir(), env, encoding: 'utf8' }).trim()
}

test.each([
  'https://forge.example/octo/sample',
  'https://forge.example/octo/sample.git',
  'http://forge.example/octo/sample',
  'git@forge.example:octo/sample.git',
  'ssh://git@forge.example/octo/sample.git',
  'git://forge.example/octo/sample.git',
])('git asks the broker for %s', (address) => {
  expect(goesTo(address)).toMatch(/^http:\/\/git\.berth\/octo\/sample(\.git)?$/)
})

test('every repository of the agent is asked for there, and no other', () => {
  expect(goesTo('git@forge.example:octo/library.git')).toBe('http://git.berth/octo/library.git')
  expect(goesTo('https://forge.example/other/repo')).toBe('https://forge.example/other/repo')
  expect(goesTo('https://elsewhere.example/octo/sample')).toBe('https://elsewhere.example/octo/sample')
})

test('a forge on a port of its own is meant with it', () => {
  expect(goesTo('http://forge.example:8080/octo/sample', 'http://forge.example:8080')).toContain('git.berth')
  expect(goesTo('http://forge.example/octo/sample', 'http://forge.example:8080')).toContain('forge.example')
})
