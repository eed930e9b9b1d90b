import { describe, expect, it } from 'vitest'
import { isOlder, judgeGit, judgeNode, judgeNpm, readNode } from '../../../../../scripts/doctor/checks/programs.ts'

const node = { ofNpm: '20.18.1', own: '24.21.0', isBrought: true, platform: 'linux' }

describe('judgeNode', () => {
  it('names both, and whose the one is that runs Berth', () => {
    expect(judgeNode(node)).toEqual([
      { severity: 'ok', found: "24.21.0 runs Berth (the project's own), 20.18.1 runs npm" },
    ])
    expect(judgeNode({ ...node, ofNpm: null, isBrought: false })).toEqual([
      { severity: 'ok', found: "24.21.0 runs Berth (this machine's)" },
    ])
  })

  it.each([
    [
      { ...node, ofNpm: '18.20.0' },
      'npm should run on Node 20 or later: install it from https://nodejs.org/en/download',
    ],
    [{ ...node, platform: 'darwin' }, 'Berth is made for Linux and tried on nothing else: use a Linux machine.'],
  ])('warns of what is not tried: %o', (facts, advice) => {
    expect(judgeNode(facts)).toEqual([expect.objectContaining({ severity: 'warning', advice })])
  })

  it('reads who runs npm from what npm says of itself', () => {
    expect(readNode('npm/10.9.2 node/v20.18.1 linux x64 workspaces/false').ofNpm).toBe('20.18.1')
    expect(readNode(null).ofNpm).toBeNull()
    expect(readNode(null).own).toBe(process.versions.node)
  })
})

describe('judgeNpm and judgeGit', () => {
  it('take what is new enough', () => {
    expect(judgeNpm('10.9.2')).toEqual([{ severity: 'ok', found: '10.9.2' }])
    expect(judgeGit('2.39.5')).toEqual([{ severity: 'ok', found: '2.39.5' }])
    expect(judgeGit('3.0.0')).toEqual([{ severity: 'ok', found: '3.0.0' }])
  })

  it('warn of what is missing or old, and block nothing: Berth speaks git itself', () => {
    expect(judgeGit(null)).toEqual([
      {
        severity: 'warning',
        found: 'not found',
        advice: 'Install git 2.39 or later: sudo apt-get install git. Updates of Berth and npm run demo need it.',
      },
    ])
    expect(judgeGit('2.34.1')).toEqual([
      expect.objectContaining({ severity: 'warning', found: '2.34.1 is older than 2.39' }),
    ])
    expect(judgeNpm('8.19.4')).toEqual([
      expect.objectContaining({ severity: 'warning', found: '8.19.4 is older than 9' }),
    ])
    expect(judgeNpm(null)).toEqual([expect.objectContaining({ severity: 'warning', found: 'not found' })])
  })
})

describe('isOlder', () => {
  it.each([
    ['2.38.9', [2, 39], true],
    ['2.39', [2, 39], false],
    ['2.4', [2, 39], true],
    ['10.0', [2, 39], false],
    ['1.40', [1, 41], true],
    ['unknown', [1, 41], false],
  ])('%s against %o: %s', (version, oldest, expected) => {
    expect(isOlder(version, oldest)).toBe(expected)
  })
})
