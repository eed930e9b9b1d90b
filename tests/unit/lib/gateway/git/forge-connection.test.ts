import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BRANCH, type BrokerRig, FORGE_TOKEN, startBrokerRig } from '../../../../support/broker-rig.ts'
import { git } from '../../../../support/git-front.ts'

let rig: BrokerRig

beforeEach(async () => {
  rig = await startBrokerRig()
})
afterEach(() => rig.close())

test('a renamed repository is cloned and pushed under its old name', async () => {
  await rig.forge.renameRepository('acme/app', 'acme/renamed')
  const directory = await rig.cloneWithCommit()
  expect(await git(directory, 'push', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(rig.pushes).toMatchObject([{ outcome: 'ok' }])
  expect(await rig.tipOf(BRANCH, 'acme/renamed')).toBe(rig.grant.targetTip)
})

test('a new repository under a renamed one’s old name gets its own pushes', async () => {
  await rig.forge.renameRepository('acme/app', 'acme/renamed')
  const directory = await rig.cloneWithCommit()
  await rig.forge.addRepository({ fullName: 'acme/app', from: path.join(rig.root, 'sample'), private: true })
  await rig.commit(directory)
  expect(await git(directory, 'push', '-q', 'origin', BRANCH)).toMatchObject({ code: 0 })
  expect(await rig.tipOf(BRANCH, 'acme/renamed')).toBeUndefined()
  expect(await rig.tipOf(BRANCH, 'acme/app')).toBe(rig.grant.targetTip)
})

test.each([
  ['itself', FORGE_TOKEN],
  ['as it was sent', Buffer.from(`x-access-token:${FORGE_TOKEN}`).toString('base64')],
])('a forge that repeats the token (%s) is not passed on', async (_how, secret) => {
  rig.forge.fail({ status: 500, body: `you sent ${secret}`, headers: { 'content-type': 'text/plain' } })
  const cloned = await git(rig.root, 'clone', `${rig.front.url}/acme/app`)
  expect(cloned.stderr).toContain('you sent (the token)')
  expect(cloned.stderr).not.toContain(secret)
})
