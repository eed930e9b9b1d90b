import { describe, expect, it } from 'vitest'
import {
  createReachFinder,
  type EngineFacts,
  judgeFacts,
} from '../../../../../../../lib/drivers/sandbox/docker/reach/reach.ts'
import { createLogger, silentLogger } from '../../../../../../../lib/logger.ts'
import { createFakeContainerEngine } from '../../../../../../support/fake-container-engine.ts'

const local: EngineFacts = {
  platform: 'linux',
  address: 'unix:///var/run/docker.sock',
  operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  securityOptions: ['name=seccomp,profile=default', 'name=cgroupns'],
}

describe('how bridges are reached, by the facts of an engine', () => {
  it('is open for an engine on a socket of this Linux machine', () => {
    expect(judgeFacts(local)).toBeNull()
  })

  it.each<[string, Partial<EngineFacts>]>([
    ['the engine is reached at tcp://127.0.0.1:2375', { address: 'tcp://127.0.0.1:2375' }],
    ['the engine is reached at https://engine.example:2376', { address: 'https://engine.example:2376' }],
    ['Docker Desktop runs containers in a virtual machine', { operatingSystem: 'Docker Desktop' }],
    ['the engine maps users', { securityOptions: ['name=seccomp,profile=default', 'name=rootless'] }],
    ['the engine maps users', { securityOptions: ['name=userns'] }],
    ['only on Linux', { platform: 'darwin' }],
  ])('is through exec where %s', (why, change) => {
    expect(judgeFacts({ ...local, ...change })).toEqual({ reach: 'relay', why: expect.stringContaining(why) })
  })
})

describe('finding out how bridges are reached', () => {
  it('happens once, also for those who ask at the same time, and is said once with the reason', async () => {
    const lines: string[] = []
    const engine = createFakeContainerEngine({
      info: async () => ({ storageDriver: 'overlay2', securityOptions: ['name=rootless'], operatingSystem: 'Debian' }),
    })
    const logger = createLogger({ write: (line) => lines.push(line) })
    const finder = createReachFinder({ engine, socketRoot: '/nowhere', logger })
    expect(finder.found()).toBeNull()
    const answers = await Promise.all([finder.find('one'), finder.find('other')])
    expect([...answers, await finder.find('one'), finder.found()].map((answer) => answer?.reach)).toEqual(
      Array(4).fill('relay'),
    )
    expect(engine.calls.filter((call) => call === 'info')).toHaveLength(1)
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'info', engine: engine.address, reach: 'relay', why: expect.stringContaining('maps users') },
    ])
  })

  it('is tried again after it failed, by those who waited too', async () => {
    let failures = 1
    const engine = createFakeContainerEngine({
      info: async () => {
        failures -= 1
        if (failures >= 0) throw new Error('away')
        return { storageDriver: 'overlay2', securityOptions: [], operatingSystem: 'Docker Desktop' }
      },
    })
    const finder = createReachFinder({ engine, socketRoot: '/nowhere', logger: silentLogger })
    const [first, second] = await Promise.allSettled([finder.find('one'), finder.find('other')])
    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'away' } })
    expect(second).toMatchObject({ status: 'fulfilled', value: { reach: 'relay' } })
  })
})
