/** The main job on an engine that has no folder in common with the control plane: everything goes through exec. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../lib/config.ts'
import { compareDiffs, computeExpectedDiff } from '../../scripts/demo/case.ts'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'
import { createWatchedAgent, type WatchedAgent } from '../support/e2e-agent.ts'
import { listSocketFolders } from '../support/e2e-engine.ts'
import { type EngineOverTcp, startEngineOverTcp } from '../support/engine-over-tcp.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

let engine: EngineOverTcp
let installation: TestInstallation
let agent: WatchedAgent

beforeAll(async () => {
  engine = await startEngineOverTcp(readSettings(process.env, projectDirectory).dockerHost)
  installation = await startInstallation({ env: { DOCKER_HOST: engine.dockerHost } })
})
afterAll(async () => {
  agent?.unwatch()
  await installation?.close()
  await engine?.close()
})

describe('an engine on another machine', () => {
  it('is known for one from the start', async () => {
    expect(await installation.parts.driver.probe()).toMatchObject({
      reachable: true,
      description: expect.stringContaining('bridges are reached through exec'),
    })
  })

  it('takes a task to a pull request, and mounts nothing of this machine', async () => {
    const { api, forge, parts } = installation
    agent = await createWatchedAgent(api, { githubRepo: sampleCase.repo, task: sampleCase.task })
    const { run } = await api.startAgent(agent.id)
    const done = await agent.untilRunIsOver(run.id)
    expect(done.data).toMatchObject({ reason: 'completed' })
    const [pull] = await forge.pullRequests(sampleCase.repo)
    const expected = await computeExpectedDiff({
      directory: forge.directoryOf(sampleCase.repo),
      branch: 'main',
      edits: sampleCase.edits,
    })
    expect(compareDiffs(pull?.diff ?? '', expected)).toMatchObject({ equal: true })
    const { Mounts } = await installation.engine.inspect(agent.id)
    expect(Mounts.map(({ Type }) => Type)).toEqual(['volume', 'volume', 'volume'])
    expect(await listSocketFolders(parts.settings.dataDirectory)).toEqual([])
  })

  it('stops an agent, and takes it up again in a new container', async () => {
    const { api, model } = installation
    expect((await api.call('POST', `/api/agents/${agent.id}/stop`)).status).toBe(202)
    await agent.until('IDLE', ({ type, data }) => type === 'status' && data.status === 'IDLE')
    const { run } = await api.resumeAgent(agent.id, 'Write it down.')
    const done = await agent.untilRunIsOver(run.id)
    expect(done.data).toMatchObject({ reason: 'completed' })
    expect(model.unscripted).toEqual([])
  })
})
