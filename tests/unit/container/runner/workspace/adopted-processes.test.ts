import { describe, expect, it } from 'vitest'
import { findAdopted, isLeftBy } from '../../../../../container/runner/workspace/adopted-processes.ts'

const entry = (pid: number, parent: number) => ({ pid, parent, group: pid, startTime: '0' })

describe('what PID 1 of a sandbox adopted', () => {
  it('is what descends from it and may be signalled: not the bridge, not what an exec or this runner has', () => {
    const [bridge, daemon, itsChild, terminal, inTerminal, ofRunner] = [7, 40, 41, 50, 51, 61]
    const table = [
      entry(1, 0),
      entry(bridge, 1),
      entry(daemon, 1),
      entry(itsChild, daemon),
      entry(terminal, 0),
      entry(inTerminal, terminal),
      entry(ofRunner, 60),
    ]
    const adopted = findAdopted(table, (pid) => pid !== bridge)
    expect(adopted.map(({ pid }) => pid)).toEqual([daemon, itsChild])
  })
})

describe('an adopted process', () => {
  const command = { groupId: 100, mark: 'm.own', startTime: 50 }
  const older = { groupId: 90, mark: 'm.older', startTime: 40 }
  const younger = { groupId: 110, mark: 'm.younger', startTime: 70 }
  const unmarked = (startTime: number) => ({ startTime, mark: undefined })

  it('is left by the command that ran as it began, when no other can have begun it', () => {
    expect(isLeftBy(unmarked(60), { command, running: [command] })).toBe(true)
    expect(isLeftBy(unmarked(60), { command, running: [command, younger] })).toBe(true)
  })

  it('waits for the end of every other that can have begun it', () => {
    expect(isLeftBy(unmarked(60), { command, running: [command, older] })).toBe(false)
    expect(isLeftBy(unmarked(75), { command, running: [command, younger] })).toBe(false)
  })

  it('of before the command is not its, unless it carries the mark of one that has ended', () => {
    expect(isLeftBy(unmarked(49), { command, running: [command] })).toBe(false)
    expect(isLeftBy({ startTime: 49, mark: 'm.ended' }, { command, running: [command] })).toBe(true)
  })

  it('with the mark of a command that runs is that one’s', () => {
    expect(isLeftBy({ startTime: 60, mark: 'm.younger' }, { command, running: [command, younger] })).toBe(false)
  })

  it('of a command that is being ended is still that one’s, and what has no mark the other’s', () => {
    const running = [command, { ...younger, ending: true }]
    expect(isLeftBy({ startTime: 75, mark: 'm.younger' }, { command, running })).toBe(false)
    expect(isLeftBy(unmarked(75), { command, running })).toBe(true)
  })
})
