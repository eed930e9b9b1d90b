/** Tests of the boundary: each is one line of the list in tries/, so that what is promised and what is tried cannot drift apart. */
import { describe, it } from 'vitest'
import type { BoundaryArea, BoundaryTry } from './tries/index.ts'

export interface BoundaryTests<A extends BoundaryArea> {
  /** One try. Its name is a line of the list; what it throws means that the boundary is broken. */
  attempt(name: BoundaryTry<A>, test: () => Promise<void> | void, timeoutMs?: number): void
}

export const suiteName = (area: BoundaryArea) => `boundary: ${area}`

export function describeBoundary<A extends BoundaryArea>(area: A, tests: (suite: BoundaryTests<A>) => void): void {
  describe(suiteName(area), () => {
    tests({ attempt: (name, test, timeoutMs) => it(name, test, timeoutMs) })
  })
}
