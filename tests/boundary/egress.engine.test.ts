import { afterAll, beforeAll } from 'vitest'
import { type EgressStage, startEgressStage } from '../support/egress-stage.ts'
import { describeBoundary } from './describe-boundary.ts'
import { tryAddresses } from './egress/addresses.ts'
import { tryLimits } from './egress/limits.ts'
import { tryModes } from './egress/modes.ts'
import { tryNames } from './egress/names.ts'
import { tryRefusals } from './egress/refusals.ts'
import { tryTunnels } from './egress/tunnels.ts'
import { tryWaysOut } from './egress/ways-out.ts'

let stage: EgressStage

beforeAll(async () => {
  stage = await startEgressStage()
})
afterAll(() => stage?.close())

describeBoundary('egress', ({ attempt }) => {
  const suite = { attempt, stage: () => stage }
  tryModes(suite)
  tryWaysOut(suite)
  tryAddresses(suite)
  tryNames(suite)
  tryTunnels(suite)
  tryLimits(suite)
  tryRefusals(suite)
})
