import { describe, expect, it } from 'vitest'
import { readHosts } from '../../../../../lib/drivers/sandbox/registry-hosts.ts'

describe('hosts of package managers', () => {
  it('are read from URLs and bare names, lower case, sorted, each once', () => {
    expect(
      readHosts(['https://Packages.example/npm/', 'files.example', '', ' https://packages.example:8443/x ']),
    ).toEqual(['files.example', 'packages.example'])
  })

  it('are refused when a line is neither', () => {
    expect(() => readHosts(['not a host'])).toThrow('Invalid URL')
  })
})
