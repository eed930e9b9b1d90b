/**
 * Everything that is tried against the boundary, by area. SECURITY.md promises what these show; `npm run test:boundary` prints
 * one line for each, and names those that were not tried.
 */
import { brokerTries } from './broker.ts'
import { egressTries } from './egress.ts'
import { gatewayTries } from './gateway.ts'
import { sandboxTries } from './sandbox.ts'

export const boundaryTries = {
  egress: egressTries,
  broker: brokerTries,
  gateway: gatewayTries,
  sandbox: sandboxTries,
} as const

export type BoundaryArea = keyof typeof boundaryTries
export type BoundaryTry<A extends BoundaryArea> = (typeof boundaryTries)[A][number]
