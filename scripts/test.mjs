/** `npm test`, on whatever Node there is: scripts/set-up/run-tests.mjs. */
import { begin } from './set-up/begin.mjs'

begin(() => import('./set-up/run-tests.mjs'))
