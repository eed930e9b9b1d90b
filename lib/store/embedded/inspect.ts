/** What there is of a data folder's embedded server, for who checks a set-up: looks, and starts, makes and mends nothing. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { readPassword } from './cluster.ts'
import { locateEmbedded, runsAsRoot } from './location.ts'
import { isServerOf, readPostmaster } from './postmaster.ts'
import { readProgramVersion } from './programs.ts'
import { DATABASE } from './server.ts'
import { urlOf } from './server-process.ts'

export interface EmbeddedState {
  /** Its folder; may not be there yet. */
  home: string
  /** Of the programs that this version of Berth brings, e.g. "18". */
  programMajor: string
  /** Of the programs that made the files; null: there are none yet. */
  clusterMajor: string | null
  /** postgres://... with the password in it when it runs: never log it. It may still not answer. */
  runningAt: string | null
}

/** `dataDirectory`: absolute. Throws an Error with words where there are no programs for this machine, and the system's error. */
export async function inspectEmbedded(dataDirectory: string): Promise<EmbeddedState> {
  const { home, cluster } = locateEmbedded(dataDirectory, runsAsRoot())
  return {
    home,
    programMajor: majorOf(await readProgramVersion()),
    clusterMajor: await readClusterMajor(cluster),
    runningAt: await findRunning(cluster),
  }
}

async function readClusterMajor(cluster: string): Promise<string | null> {
  try {
    return majorOf((await readFile(path.join(cluster, 'PG_VERSION'), 'utf8')).trim())
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}

async function findRunning(cluster: string): Promise<string | null> {
  const postmaster = await readPostmaster(cluster)
  if (postmaster === null || !(await isServerOf(cluster, postmaster.pid))) return null
  const password = await readPassword(cluster)
  return password === null ? null : urlOf({ port: postmaster.port, password, database: DATABASE })
}

const majorOf = (version: string) => version.split('.')[0] ?? version
