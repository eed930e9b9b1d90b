import { describe, expect, it } from 'vitest'
import { agreeOnDriver } from '../../../../lib/composition/open-driver.ts'
import { StartRefused } from '../../../../lib/composition/start-refused.ts'

const dataDirectory = '/project/.berth'

describe('the driver of an installation', () => {
  it('is the one that was chosen at its first start, whether it is asked for again or not', () => {
    for (const stored of ['docker', 'process'] as const) {
      expect(agreeOnDriver({ stored, asked: null, dataDirectory })).toBe(stored)
      expect(agreeOnDriver({ stored, asked: stored, dataDirectory })).toBe(stored)
    }
  })

  it('is never another one: the start is refused with what is stored, what was asked and what to do', () => {
    const refuse = () => agreeOnDriver({ stored: 'docker', asked: 'process', dataDirectory })
    expect(refuse).toThrow(StartRefused)
    expect(refuse).toThrow(
      'The sandboxes of this installation are made by the docker driver, but BERTH_SANDBOX=process asks for another.',
    )
    expect(refuse).toThrow('name another folder than /project/.berth in BERTH_DATA_DIR')
    expect(refuse).toThrow('take BERTH_SANDBOX out')
    expect(() => agreeOnDriver({ stored: 'process', asked: 'docker', dataDirectory })).toThrow('BERTH_SANDBOX=docker')
  })

  it('of another version is not taken for one of this', () => {
    expect(() => agreeOnDriver({ stored: 'kubernetes', asked: null, dataDirectory })).toThrow(
      'made by the kubernetes driver, which this version does not have.',
    )
  })
})
