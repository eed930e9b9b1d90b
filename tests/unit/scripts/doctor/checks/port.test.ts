import { describe, expect, it } from 'vitest'
import { judgePort, type PortFacts } from '../../../../../scripts/doctor/checks/port.ts'

const facts: PortFacts = { host: '127.0.0.1', port: 3000, publicUrl: null, instance: null, refusal: null, other: null }
const taken = 'Port 3000 on 127.0.0.1 is taken by node (process 12). End it, or take another port: PORT=3001 npm start'

describe('judgePort', () => {
  it('is content when it is free, or taken by this very installation', () => {
    expect(judgePort(facts)).toEqual([{ severity: 'ok', found: '3000 on 127.0.0.1 is free' }])
    expect(judgePort({ ...facts, port: 0 })).toEqual([{ severity: 'ok', found: 'any free one on 127.0.0.1' }])
    expect(judgePort({ ...facts, instance: { pid: 7, url: 'http://127.0.0.1:3000' } })).toEqual([
      { severity: 'ok', found: 'Berth runs at http://127.0.0.1:3000 (process 7)' },
    ])
    expect(judgePort({ ...facts, instance: { pid: 7, url: null } })).toEqual([
      { severity: 'ok', found: 'Berth is starting (process 7)' },
    ])
  })

  it('blocks when somebody else has it, and warns when that is another Berth', () => {
    expect(judgePort({ ...facts, refusal: taken })).toEqual([
      {
        severity: 'problem',
        found: 'Port 3000 on 127.0.0.1 is taken by node (process 12).',
        advice: 'End it, or take another port: PORT=3001 npm start',
        because: 'npm start cannot have its port',
      },
    ])
    expect(judgePort({ ...facts, refusal: taken, other: 'http://127.0.0.1:3000' })).toEqual([
      {
        severity: 'warning',
        found: 'http://127.0.0.1:3000 is Berth already, but not on this data folder',
        advice: 'Use that one, or start this one beside it: PORT=3001 npm start',
      },
    ])
  })

  it('warns of passwords on an open network, unless TLS is in front', () => {
    const open = { ...facts, host: '0.0.0.0' }
    expect(judgePort(open)[1]).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/^HOST=0\.0\.0\.0: /),
    })
    expect(judgePort({ ...open, publicUrl: 'https://berth.example.com' })).toHaveLength(1)
    expect(judgePort({ ...facts, host: '::1' })).toHaveLength(1)
  })
})
