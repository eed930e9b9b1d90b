import { afterAll, beforeAll, expect } from 'vitest'
import { type BoundaryAgent, type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { describeBoundary } from './describe-boundary.ts'

let rig: BoundaryRig
let agent: BoundaryAgent

beforeAll(async () => {
  rig = await startBoundary()
  agent = await rig.startAgent()
})
afterAll(() => rig?.close())

describeBoundary('sandbox', ({ attempt }) => {
  attempt('a network interface of its own', async () => {
    const { output } = await agent.sh('ls /sys/class/net')
    expect(output).toBe('lo\n')
  })
})
