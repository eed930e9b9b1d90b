import { describe, expect, it } from 'vitest'
import {
  describeEngineAddress,
  findEngine,
} from '../../../../../../../lib/drivers/sandbox/docker/engine/find-engine.ts'

describe('finding the engine', () => {
  it('takes the first usual socket that exists, and the system’s when none does', () => {
    expect(findEngine(null, (file) => file.endsWith('.docker/desktop/docker.sock'))).toMatchObject({
      socketPath: expect.stringMatching(/\.docker\/desktop\/docker\.sock$/),
    })
    expect(findEngine(null, () => false)).toEqual({ socketPath: '/var/run/docker.sock' })
  })

  it.each([
    ['unix:///run/user/1000/docker.sock', { socketPath: '/run/user/1000/docker.sock' }],
    ['tcp://10.0.0.5:2375', { protocol: 'http', host: '10.0.0.5', port: 2375 }],
    ['tcp://engine.example:2376', { protocol: 'https', host: 'engine.example', port: 2376 }],
    ['tcp://engine.example', { protocol: 'http', host: 'engine.example', port: 2375 }],
  ])('reads DOCKER_HOST=%s', (dockerHost, address) => {
    expect(findEngine(dockerHost)).toEqual(address)
  })

  it('names what DOCKER_HOST may begin with', () => {
    expect(() => findEngine('ssh://me@engine')).toThrow(
      'DOCKER_HOST=ssh://me@engine: must begin with unix://, tcp://, http:// or https://',
    )
  })

  it('describes an address as DOCKER_HOST would', () => {
    expect(describeEngineAddress(findEngine('unix:///a.sock'))).toBe('unix:///a.sock')
    expect(describeEngineAddress(findEngine('tcp://h:2375'))).toBe('tcp://h:2375')
  })
})
