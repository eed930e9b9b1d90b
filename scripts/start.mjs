/** `npm start`, on whatever Node there is: scripts/set-up/start.mjs. */
import { begin } from './set-up/begin.mjs'

begin(() => import('./set-up/start.mjs'))
