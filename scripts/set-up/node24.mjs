/** Finds Node 24 and runs scripts on it; what is started ends with the process that started it. */
import { spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import { constants } from 'node:os'
import path from 'node:path'
import { projectDirectory, SetUpError } from './project.mjs'

const WANTED = 24

/** The path of a Node that can run this project: this very one, or the npm package's. */
export async function findNode24() {
  if (Number(process.versions.node.split('.')[0]) >= WANTED) return process.execPath
  const bundled = path.join(projectDirectory, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  try {
    await access(bundled)
    return bundled
  } catch {
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
  const preload = path.join(projectDirectory, 'scripts', 'set-up', 'end-with-parent.mjs')
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', '--import', preload, script, ...args], {
    cwd: projectDirectory,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...env, PATH: withNodeFirst(node) },
  })
  const passOn = ['SIGINT', 'SIGTERM', 'SIGHUP'].map((signal) => [signal, () => child.kill(signal)])
  for (const [signal, listener] of passOn) process.on(signal, listener)
  const stopWatching = watchNpm(() => child.kill('SIGTERM'))
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', (cause) => reject(new SetUpError(`Node ${WANTED} cannot be run (${node}): ${cause.message}`)))
      child.once('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)))
    })
  } finally {
    stopWatching()
    for (const [signal, listener] of passOn) process.off(signal, listener)
  }
}

const PARENT_LOOK_MS = 1_000

/** An npm that is killed takes its own shell along, but nothing tells what the shell had started: only its parent changes. */
function watchNpm(onGone) {
  if (process.env.npm_lifecycle_event === undefined) return () => {}
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    onGone()
  }, PARENT_LOOK_MS)
  return () => clearInterval(timer)
}
