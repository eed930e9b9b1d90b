import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../../lib/config.ts'
import { openEngine } from '../../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { readEngine } from '../../../scripts/doctor/checks/engine.ts'
import { judgeImage, readImage } from '../../../scripts/doctor/checks/image.ts'
import { projectDirectory } from '../../../scripts/project-directory.ts'
import { type DoctorRig, startDoctorRig } from '../../support/doctor-rig.ts'

let rig: DoctorRig
beforeAll(async () => {
  rig = await startDoctorRig()
})
afterAll(() => rig.close())

describe('the doctor on a real engine', () => {
  const settings = readSettings(process.env, projectDirectory)
  const engine = openEngine(settings.dockerHost)

  it('finds out what the engine and its machine are', async () => {
    const { details, failure, isLocal } = await readEngine(engine, process.env.PATH ?? '')
    expect(failure).toBeNull()
    expect(details).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+/),
      apiVersion: expect.stringMatching(/^1\.\d+$/),
      cgroupVersion: expect.stringMatching(/^[12]$/),
      rootDirectory: expect.stringMatching(/^\//),
    })
    expect(details?.memoryBytes).toBeGreaterThan(2 ** 30)
    expect(details?.cpus).toBeGreaterThan(0)
    expect(typeof isLocal).toBe('boolean')
  })

  it('asks for a base that nobody has through the engine, and pulls nothing', async () => {
    const nowhere = 'registry.invalid/base:1'
    const facts = await readImage(engine, {
      settings: { ...settings, agentImage: null, baseImage: nowhere },
      tag: 'berth-agent:never-made',
      root: rig.root,
    })
    expect(facts.base).toMatchObject({ isThere: false, registryProblem: expect.stringContaining('registry.invalid') })
    expect(judgeImage(facts)).toEqual([expect.objectContaining({ severity: 'problem' })])
    expect(await engine.findImage(nowhere)).toBeNull()
  })
})
