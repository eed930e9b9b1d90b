/** The package managers of the image, from inside a sandbox to the registries that they name themselves: nothing is configured. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BoundaryAgent, type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'

let rig: BoundaryRig
let agent: BoundaryAgent

beforeAll(async () => {
  rig = await startBoundary()
  agent = await rig.startAgent()
})
afterAll(() => rig?.close())

it('npm finds a version there', async () => {
  const { output, exitCode } = await agent.sh('npm view ms version')
  expect(output).toMatch(/^\d+\.\d+\.\d+\n$/)
  expect(exitCode).toBe(0)
})

it('pip downloads a package there', async () => {
  const { output, exitCode } = await agent.sh('pip download --no-deps --dest /tmp/downloaded six')
  expect(output).toContain('Successfully downloaded six')
  expect(exitCode).toBe(0)
})

it('nothing of it was refused', () => {
  expect(agent.events.filter(({ type }) => type === 'egress_denied')).toEqual([])
})
