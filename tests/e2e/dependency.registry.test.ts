/** A project that cannot be tested before its dependencies are installed: from a real package registry, through the egress. */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { computeExpectedDiff, type PlayedCase } from '../../scripts/demo/case.ts'
import { scriptCase } from '../../scripts/demo/case-script.ts'
import { playCase } from '../../scripts/demo/play-case.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const PROJECT = fileURLToPath(new URL('../fixtures/project-with-dependency', import.meta.url))
const uptime: PlayedCase = {
  name: 'uptime',
  repo: 'sample/uptime',
  task: 'describeUptime(7200000) gives "up for 2h" where its test wants "up for 2 hours". Make the test pass.',
  setup: 'npm install --no-audit --no-fund',
  test: 'node --test',
  edits: [
    {
      kind: 'edit',
      path: 'src/describe-uptime.js',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the fixture's code
      old: '${ms(milliseconds)}',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the fixture's code
      new: '${ms(milliseconds, { long: true })}',
    },
  ],
}

let installation: TestInstallation

beforeAll(async () => {
  const repositories = [{ fullName: uptime.repo, from: PROJECT }]
  installation = await startInstallation({ script: scriptCase(uptime), repositories, delayMs: 0 })
})
afterAll(async () => {
  await installation?.close()
})

it('is installed, seen to fail, fixed, seen to pass, and leaves as a pull request of the fix alone', async () => {
  const { api, forge, model } = installation
  const directory = forge.directoryOf(uptime.repo)
  const expectedDiff = await computeExpectedDiff({ directory, branch: 'main', edits: uptime.edits })
  const { events } = await playCase({
    api,
    agent: { githubRepo: uptime.repo, task: uptime.task },
    test: uptime.test,
    expectedDiff,
    signal: AbortSignal.timeout(80_000),
  })
  expect(model.unscripted).toEqual([])
  expect(events.filter(({ type }) => type === 'egress_denied')).toEqual([])
})
