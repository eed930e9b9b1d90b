/** Finds Node 24 and runs scripts on it; what is started ends with the process that started it. */
import { spawn } from 'node:child_process'
import { constants as files } from 'node:fs'
import { access } from 'node:fs/promises'
import { constants } from 'node:os'
import path from 'node:path'
import { endWithParent, projectDirectory, SetUpError, say } from './project.mjs'

const WANTED = 24
/** Node's own, for command line options that it does not take. */
const WRONG_OPTIONS = 9

/** The path of a Node that can run this project: this very one, or the npm package's. */
export async function findNode24() {
  if (Number(process.versions.node.split('.')[0]) >= WANTED) return process.execPath
  const name = `node-${process.platform}-${process.arch}`
  const bundled = path.join(projectDirectory, 'node_modules', name, 'bin', 'node')
  try {
    await access(bundled, files.X_OK)
    return bundled
  } catch (error) {
    if (error.code === 'EACCES') {
      throw new SetUpError(
        `${bundled} cannot be run: no program can where ${projectDirectory} lies (mounted with noexec?), or its rights were taken. Move the project to another disk, or mount this one with exec.`,
      )
    }
    throw new SetUpError(
      `Berth runs on Node ${WANTED}; this is ${process.version}, and npm installed none for ${process.platform}-${process.arch}. Install Node ${WANTED} and try again.`,
    )
  }
}

/** A PATH on which `node` is this one, for what a program starts itself. */
export function withNodeFirst(node) {
  return [path.dirname(node), process.env.PATH ?? ''].join(path.delimiter)
}

/**
 * Runs a program of the project on Node 24 and answers its exit code (128 and the signal's number when a signal ended it).
 * Signals to this process are passed on, and when this process is killed the other one is told to end.
 */
export async function runOnNode24({ script, args = [], env = {} }) {
  const node = await findNode24()
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...endWithParent, script, ...args], {
    cwd: projectDirectory,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env, PATH: withNodeFirst(node) },
  })
  const passOn = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => [signal, () => child.kill(signal)])
  for (const [signal, listener] of passOn) process.on(signal, listener)
  try {
    const { code, signal } = await new Promise((resolve, reject) => {
      child.once('error', (cause) => reject(new SetUpError(`Node ${WANTED} cannot be run (${node}): ${cause.message}`)))
      child.once('exit', (code, signal) => resolve({ code, signal }))
    })
    if (code === WRONG_OPTIONS && process.env.NODE_OPTIONS) {
      say(
        `Node ${WANTED} does not take these options: NODE_OPTIONS=${process.env.NODE_OPTIONS}. Run it without them: unset NODE_OPTIONS`,
      )
    }
    return code ?? 128 + (constants.signals[signal] ?? 0)
  } finally {
    for (const [signal, listener] of passOn) process.off(signal, listener)
  }
}
