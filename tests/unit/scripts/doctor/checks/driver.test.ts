import { describe, expect, it } from 'vitest'
import { type DriverFacts, judgeDriver, kindOfDriver } from '../../../../../scripts/doctor/checks/driver.ts'

const facts: DriverFacts = { stored: 'docker', asked: null, dataDirectory: '/d', machine: null }
const machine = { reachable: true, description: 'Processes of this machine as user 1000, not isolated', version: '6.1' }

describe('kindOfDriver', () => {
  it.each([
    [null, null, 'docker'],
    ['process', null, 'process'],
    [null, 'process', 'process'],
    ['docker', 'process', 'process'],
    ['kubernetes', null, 'docker'],
  ] as const)('stored %s, asked for %s: %s', (stored, asked, kind) => {
    expect(kindOfDriver({ stored, asked })).toBe(kind)
  })
})

describe('judgeDriver', () => {
  it('has nothing to say where containers are what was chosen, or will be', () => {
    expect(judgeDriver(facts)).toEqual([])
    expect(judgeDriver({ ...facts, stored: null })).toEqual([])
  })

  it('warns of sandboxes that hold nobody in', () => {
    expect(judgeDriver({ ...facts, stored: 'process', machine })).toEqual([
      {
        severity: 'warning',
        found: `${machine.description}: agents run with this user's rights, and nothing holds them in`,
        advice:
          'For more than a look at repositories you trust: start Docker, leave BERTH_SANDBOX out, and name another folder in BERTH_DATA_DIR.',
      },
    ])
  })

  it('blocks where this machine cannot hold them, and where a start would refuse the change', () => {
    const lacking = {
      ...machine,
      reachable: false,
      description: 'Sandboxes that are processes need git on this machine.',
    }
    expect(judgeDriver({ ...facts, stored: null, asked: 'process', machine: lacking })).toEqual([
      {
        severity: 'problem',
        found: lacking.description,
        advice: 'sudo apt-get install bash git; or start Docker and leave BERTH_SANDBOX out.',
        because: 'no sandbox can be made',
      },
    ])
    expect(judgeDriver({ ...facts, stored: 'process', asked: 'docker' })).toEqual([
      {
        severity: 'problem',
        found:
          'The sandboxes of this installation are made by the process driver, but BERTH_SANDBOX=docker asks for another.',
        advice: expect.stringContaining('to go on with this one, take BERTH_SANDBOX out.'),
        because: 'this installation has another kind of sandbox than is asked for',
      },
    ])
    expect(judgeDriver({ ...facts, stored: 'kubernetes' })).toEqual([expect.objectContaining({ severity: 'problem' })])
  })
})
