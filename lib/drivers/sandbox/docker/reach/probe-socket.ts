/**
 * Tries whether a socket that a container makes in a mounted folder can be reached from here: in a container like a sandbox's,
 * over the very dial that a sandbox gets. Leaves nothing behind, and takes away what a killed process left.
 */
import { randomBytes } from 'node:crypto'
import { chmod, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { BRIDGE_UID, SANDBOX_PATHS } from '../../../../../container/contract/tunnel.ts'
import { isBerthError } from '../../../../errors.ts'
import { randomText } from '../../../../ids.ts'
import { dialSocket } from '../../dial-socket.ts'
import { isAbandonedBuilder, ownBuilder } from '../builder.ts'
import { bridgeUser, isolation, NODE, toSocketMount } from '../container-config.ts'
import { type ContainerEngine, EngineRefusal, isRefusal } from '../engine/engine.ts'
import { isAlive } from '../image/temporary-folder.ts'
import { LABEL } from '../labels.ts'
import { prepareSocketDirectory, removeSocketDirectory, socketPathOf } from '../socket-directory.ts'
import { missingImage } from '../start-failure.ts'
import type { Finding } from './reach.ts'

const DEADLINE_MS = 10_000
const LOOK_EVERY_MS = 20
const FOLDER = /^probe-(\d+)-/
const NONCE_FILE = 'nonce'
const MEMORY_BYTES = 128 * 1024 * 1024

/** Says what it read to the first who connects, whoever that is, as a bridge's socket is for all; ends by itself when nobody does. */
const PROGRAM = `
const { readFileSync } = require('node:fs')
const nonce = readFileSync('${SANDBOX_PATHS.socketDirectory}/${NONCE_FILE}')
const server = require('node:net').createServer((socket) => socket.end(nonce, () => process.exit(0)))
server.listen({ path: '${SANDBOX_PATHS.socket}', readableAll: true, writableAll: true })
setTimeout(() => process.exit(1), ${DEADLINE_MS})`

export interface Probe {
  image: string
  socketRoot: string
}

/** Throws `image_missing` or `engine_unreachable`; an engine that cannot do it is an answer. */
export async function probeSocket(engine: ContainerEngine, { image, socketRoot }: Probe): Promise<Finding> {
  const name = `probe-${process.pid}-${randomText(8)}`
  const nonce = randomBytes(16).toString('hex')
  const directory = await prepareSocketDirectory(socketRoot, name)
  let containerId: string | null = null
  try {
    const file = path.join(directory, NONCE_FILE)
    await writeFile(file, nonce)
    // Not in writeFile, where the umask takes bits away.
    await chmod(file, 0o644)
    containerId = await engine.createContainer('', toProbeConfig(image, directory))
    await engine.startContainer(containerId)
    return await lookForSocket(engine, { containerId, nonce, socketPath: socketPathOf(socketRoot, name) })
  } catch (error) {
    if (containerId === null && isRefusal(error, 404)) throw missingImage(image, error)
    if (error instanceof EngineRefusal)
      return toRelay(`the engine does not mount a folder of this machine: ${error.message}`)
    throw error
  } finally {
    if (containerId !== null) await engine.removeContainer(containerId)
    await removeSocketDirectory(socketRoot, name)
  }
}

/** What processes of this machine left that were killed during a probe; one that had this one's number among them. */
export async function removeAbandonedProbes(engine: ContainerEngine, socketRoot: string): Promise<void> {
  const isAbandoned = (pid: number) => pid === process.pid || !isAlive(pid)
  for (const { id, labels } of await engine.listContainers([`${LABEL.part}=probe`])) {
    if (isAbandonedBuilder(labels[LABEL.builder], { orOwn: true })) await engine.removeContainer(id)
  }
  for (const name of await listFolder(socketRoot)) {
    const pid = name.match(FOLDER)?.[1]
    if (pid !== undefined && isAbandoned(Number(pid))) {
      await rm(path.join(socketRoot, name), { recursive: true, force: true })
    }
  }
}

function toProbeConfig(image: string, directory: string) {
  return {
    Image: image,
    User: bridgeUser,
    Cmd: [NODE, '-e', PROGRAM],
    Labels: { [LABEL.part]: 'probe', [LABEL.builder]: ownBuilder() },
    HostConfig: { ...isolation, Memory: MEMORY_BYTES, PidsLimit: 64, Mounts: [toSocketMount(directory)] },
  }
}

interface Look {
  containerId: string
  nonce: string
  socketPath: string
}

async function lookForSocket(engine: ContainerEngine, { containerId, nonce, socketPath }: Look): Promise<Finding> {
  const deadline = performance.now() + DEADLINE_MS
  for (;;) {
    try {
      const socket = await dialSocket(socketPath, BRIDGE_UID)
      socket.setTimeout(DEADLINE_MS, () => socket.destroy())
      if ((await text(socket)) === nonce) return { reach: 'socket', why: 'a socket in a mounted folder was reached' }
      return toRelay('a socket in a mounted folder did not say what it was to')
    } catch (error) {
      // Not there yet has an errno; anything else of it will not change.
      if (!isBerthError(error)) throw error
      if (error.details?.errno === undefined) return toRelay(error.message)
    }
    const container = await engine.findContainer(containerId)
    if (container?.running !== true) {
      return toRelay(
        'what lies in a mounted folder was not there inside: the engine has another file system, or may not read it',
      )
    }
    if (performance.now() > deadline) return toRelay('a socket that was made in a mounted folder did not appear here')
    await setTimeout(LOOK_EVERY_MS)
  }
}

function toRelay(why: string): Finding {
  return { reach: 'relay', why }
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}
