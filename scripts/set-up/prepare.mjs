/** What every script needs first: the dependencies of package-lock.json and the generated database client. Silent when they are there. */
import { generateClient, isClientCurrent } from './generate-client.mjs'
import { install } from './install.mjs'
import { isStamped, listMissing, readLockFile, stamp } from './installed.mjs'
import { oneAtATime } from './one-at-a-time.mjs'
import { SetUpError } from './project.mjs'
import { findServing } from './serving.mjs'

/** Throws a SetUpError with what to do. `newClient`: the client is generated even when it is current. */
export async function prepareProject({ newClient = false } = {}) {
  const lockText = await readLockFile()
  if (!newClient && (await isStamped(lockText)) && (await isClientCurrent())) return
  await oneAtATime(async () => {
    if (!(await isStamped(lockText))) {
      // Somebody ran npm ci or npm install by hand.
      if ((await listMissing(lockText)).length === 0) await stamp(lockText)
      else await replaceModules(lockText)
    }
    if (newClient || !(await isClientCurrent())) await generateClient()
  })
}

async function replaceModules(lockText) {
  const pid = await findServing()
  if (pid !== null) {
    throw new SetUpError(
      `The dependencies have changed, and Berth runs from this folder (process ${pid}): they cannot be replaced beneath it. End it (Ctrl+C, or kill ${pid}), and run this again.`,
    )
  }
  await install(lockText)
}
