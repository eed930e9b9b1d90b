import { describe, expect, it } from 'vitest'
import { nameFromTask, targetBranchFor } from '../../../../lib/domain/naming.ts'
import { branchName } from '../../../../lib/services/agent/schemas.ts'

describe('a name from a task', () => {
  it('is its first line', () => {
    expect(nameFromTask('  Fix the  bug\n\nin detail')).toBe('Fix the bug')
  })
  it('is cut at a word', () => {
    const name = nameFromTask(`${'word '.repeat(30)}end`)
    expect(name).toHaveLength(75)
    expect(name.endsWith('word…')).toBe(true)
  })
  it.each(['', 'x'])('parts no character after "%s"', (begun) => {
    expect(nameFromTask(begun + '😀'.repeat(100)).isWellFormed()).toBe(true)
  })
})

describe('a target branch', () => {
  it.each(['Fix the bug', 'fix(res.send): é ü', '...', '修复错误', '-rf / --hard', 'a'.repeat(200), '@{u} ~^: ..lock'])(
    'from %s is a branch name that git accepts',
    (name) => {
      expect(branchName.safeParse(targetBranchFor(name, 'ab12')).success).toBe(true)
    },
  )
  it('shows what it is for', () => {
    expect(targetBranchFor('Fix the café’s menu!', 'ab12')).toBe('berth/fix-the-cafe-s-menu-ab12')
  })
})
