/** `node scripts/with-node.mjs <script> [arguments]`, on whatever Node there is: scripts/set-up/run-script.mjs. */
import { begin } from './set-up/begin.mjs'

begin(() => import('./set-up/run-script.mjs'))
