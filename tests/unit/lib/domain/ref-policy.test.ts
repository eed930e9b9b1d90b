import { expect, test } from 'vitest'
import type { PushRequest } from '../../../../lib/domain/ref-policy.ts'
import { mayRewrite, refusePush, refuseStale } from '../../../../lib/domain/ref-policy.ts'

const ZERO = '0'.repeat(40)
const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const rule = { targetBranch: 'berth/x', targetTip: A }

function push(changes: Partial<PushRequest> = {}, update = {}): PushRequest {
  const good = { oldId: A, newId: B, ref: 'refs/heads/berth/x', ...update }
  return { updates: [good], signed: false, options: false, ...changes }
}

test('the agent’s branch moves from its recorded tip, or begins', () => {
  expect(refusePush(push(), rule)).toBeNull()
  expect(refusePush(push({}, { oldId: ZERO }), rule)).toBeNull()
  expect(refusePush(push({}, { oldId: ZERO }), { ...rule, targetTip: null })).toBeNull()
})

test.each([
  ['another branch', push({}, { ref: 'refs/heads/main' }), 'only refs/heads/berth/x may be pushed by this agent'],
  ['a longer name', push({}, { ref: 'refs/heads/berth/x2' }), 'only refs/heads/berth/x may be pushed by this agent'],
  ['a tag of that name', push({}, { ref: 'refs/tags/berth/x' }), 'only refs/heads/berth/x may be pushed by this agent'],
  ['a delete', push({}, { newId: ZERO }), 'a branch cannot be deleted from a sandbox'],
  ['no command', push({ updates: [] }), 'nothing to push'],
  [
    'two commands',
    push({ updates: [...push().updates, ...push().updates] }),
    'one push updates one branch: push refs/heads/berth/x alone',
  ],
  ['a certificate', push({ signed: true }), 'signed pushes are not supported: push without --signed'],
  ['options', push({ options: true }), 'push options are not supported: push without --push-option'],
])('%s is refused with its reason', (_what, request, reason) => {
  expect(refusePush(request, rule)).toBe(reason)
})

test('an update begins where the branch is, or not at all', () => {
  const [update] = push().updates
  if (update === undefined) throw new Error('There is one.')
  expect(refuseStale(update, A)).toBeNull()
  expect(refuseStale({ ...update, oldId: ZERO }, null)).toBeNull()
  expect(refuseStale(update, B)).toBe(
    'the branch is at bbbbbbb on the git host meanwhile: fetch it and look, then push again',
  )
  expect(refuseStale({ ...update, oldId: ZERO }, B)).toContain('is at bbbbbbb')
  expect(refuseStale(update, null)).toContain('is gone from the git host')
})

test('a branch may be put anywhere from where the agent left it, from elsewhere only be moved on', () => {
  const [update] = push().updates
  if (update === undefined) throw new Error('There is one.')
  expect(mayRewrite(update, rule)).toBe(true)
  expect(mayRewrite({ ...update, oldId: ZERO }, { ...rule, targetTip: null })).toBe(true)
  expect(mayRewrite({ ...update, oldId: B }, rule)).toBe(false)
  expect(mayRewrite(update, { ...rule, targetTip: null })).toBe(false)
})
