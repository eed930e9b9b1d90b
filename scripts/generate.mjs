/** `npm run generate`, on whatever Node there is: scripts/set-up/generate.mjs. */
import { begin } from './set-up/begin.mjs'

begin(() => import('./set-up/generate.mjs'))
