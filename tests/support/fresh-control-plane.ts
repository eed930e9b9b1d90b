/**
 * A fresh control plane for each test of a file, and Ada, who works at it. Both names are always those of the test that runs:
 * what is exported with `let` is seen by whoever imports it as it is now.
 */
import { afterEach, beforeEach } from 'vitest'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { createPerson, type Person } from './person.ts'

export let plane: ControlPlane
export let ada: Person

/**
 * To be called at the top of a test file, with what `startControlPlane` takes. The file's own hooks come after it: what they make
 * ready has the control plane, and what they take away goes before it.
 */
export function startFreshControlPlanes(...input: Parameters<typeof startControlPlane>): void {
  beforeEach(async () => {
    plane = await startControlPlane(...input)
    ada = createPerson(plane)
  })
  afterEach(() => plane.close())
}
