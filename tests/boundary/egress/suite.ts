import type { EgressStage } from '../../support/egress-stage.ts'
import type { BoundaryTests } from '../describe-boundary.ts'

/** What each part of the egress tests is given; `stage` is there once a test runs. */
export interface EgressSuite extends BoundaryTests<'egress'> {
  stage(): EgressStage
}
