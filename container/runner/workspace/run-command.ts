/**
 * Runs one command to its end: a race of exit, time, cancellation and output; then whatever is left of it is ended. Owns
 * the command's whole process family. Must not know paths' rules nor the wire. After execa's layout: each concern small and
 * by name.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Clock } from '../../../lib/clock.ts'
import { readStartTime } from '../../../lib/process-table.ts'
import type { CommandRequest, CommandResult } from '../../bridge/workspace-port.ts'
import { COMMAND_GRACE_MS } from '../../contract/runner.ts'
import type { CommandProcess } from './adopted-processes.ts'
import type { Environment } from './command-environment.ts'
import { hasCode } from './map-fs-error.ts'
import { createOutputCollector, type OutputCollector } from './output-collector.ts'
import type { OutputFiles } from './output-files.ts'
import { createProcessFamily, type FamilyMember, type ProcessFamily } from './process-family.ts'

/** A command that prints more is ended: nobody reads it, and it would fill whatever it is kept in. */
export const MAX_COMMAND_OUTPUT_BYTES = 256 * 1024 * 1024
/** How long output and helpers of a command that has exited may trail behind it. */
const DRAIN_MS = 200
/** After KILL, until the exit is reported. */
const EXIT_WAIT_MS = 3_000

export interface RunOptions {
  request: CommandRequest
  /** Absolute and there. */
  cwd: string
  environment: Environment
  /** In the environment already. */
  mark: string
  /** Every command of this runner that runs now. */
  running: Set<CommandProcess>
  /** See FamilyOptions. */
  isolated: boolean
  outputs: OutputFiles
  clock: Clock
  signal?: AbortSignal | undefined
  onOutput?: ((chunk: string) => void) | undefined
  maxOutputBytes?: number
}

type Exit = { kind: 'exit'; exitCode: number | null; signal: string | null }
/** Never begun, or killed and not reported by the kernel in time. */
const NO_EXIT: Exit = { kind: 'exit', exitCode: null, signal: null }
type Ending = Exit | { kind: 'timeout' } | { kind: 'cancel' } | { kind: 'output' }

/** Never rejects for what the command does: one that cannot be started is a result with exit code 126 or 127. */
export async function runCommand(options: RunOptions): Promise<CommandResult> {
  const { request, clock, outputs, running, isolated } = options
  const startedMs = clock.monotonicMs()
  const collector = createOutputCollector({
    maxChars: request.maxOutputChars,
    openFile: () => outputs.open(),
    onOutput: options.onOutput,
  })
  const settle = (ending: Ending, exit: Exit): CommandResult => ({
    exitCode: exit.exitCode,
    signal: exit.signal,
    timedOut: ending.kind === 'timeout',
    cancelled: ending.kind === 'cancel',
    durationMs: Math.round(clock.monotonicMs() - startedMs),
    ...collector.finish(),
  })

  if (options.signal?.aborted) return settle({ kind: 'cancel' }, NO_EXIT)
  const started = await startProcess(options)
  if ('refused' in started) {
    collector.note(started.refused)
    const exit: Exit = { kind: 'exit', exitCode: started.exitCode, signal: null }
    return settle(exit, exit)
  }
  const { child, pid } = started
  const command: CommandProcess = { groupId: pid, mark: options.mark, startTime: readStartTime(pid) }
  running.add(command)
  const family = createProcessFamily({ command, running, isolated, clock })
  const exited = waitForExit(child)
  const drained = waitForDrain(child)
  const stop = new AbortController()
  try {
    const ending = await Promise.race([
      exited,
      waitForTimeout(clock, request.timeoutMs, stop.signal),
      waitForCancel(options.signal, stop.signal),
      collectOutput({ child, collector, maxBytes: options.maxOutputBytes ?? MAX_COMMAND_OUTPUT_BYTES }),
    ])
    command.ending = true
    const exit = await endCommand({ ending, family, exited, drained, collector, clock })
    return settle(ending, exit)
  } finally {
    running.delete(command)
    stop.abort()
    child.stdout?.destroy()
    child.stdin?.destroy()
  }
}

type Started = { child: ChildProcess; pid: number } | { refused: string; exitCode: 126 | 127 }

/**
 * Joins standard error to standard output, so that lines come in the order they were written; and lets the kernel end the
 * command rather than its supervisors when memory runs out, however small each of its processes is.
 */
const IN_FRONT = '{ echo 500 > /proc/self/oom_score_adj; } 2>/dev/null; exec "$@" 2>&1'

function startProcess({ request, cwd, environment }: RunOptions): Promise<Started> {
  const argv = 'argv' in request.command ? request.command.argv : ['bash', '-c', request.command.line]
  return new Promise((resolve) => {
    const refuse = (error: unknown) => {
      resolve({
        refused: `${argv[0]} could not be started in ${cwd}: ${describeRefusal(error)}`,
        exitCode: hasCode(error, 'ENOENT') ? 127 : 126,
      })
    }
    try {
      const child = spawn('/bin/sh', ['-c', IN_FRONT, 'sh', ...argv], {
        cwd,
        // Next's types insist on a NODE_ENV that a command need not have.
        env: environment as NodeJS.ProcessEnv,
        detached: true,
        stdio: [request.input === undefined ? 'ignore' : 'pipe', 'pipe', 'ignore'],
      })
      child.once('error', refuse)
      // A command may exit without reading what it is given.
      child.stdin?.on('error', () => {})
      child.stdin?.end(request.input)
      if (child.pid !== undefined) resolve({ child, pid: child.pid })
    } catch (error) {
      // Arguments that no process can have, a NUL in them for one.
      refuse(error)
    }
  })
}

function describeRefusal(error: unknown): string {
  if (hasCode(error, 'E2BIG')) return 'the command line is too long'
  if (hasCode(error, 'EAGAIN')) return 'as many processes as are allowed run already'
  return error instanceof Error ? error.message : String(error)
}

function waitForExit(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ kind: 'exit', exitCode, signal }))
  })
}

function waitForDrain(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.stdout?.once('close', () => resolve()))
}

async function waitForTimeout(clock: Clock, timeoutMs: number, stop: AbortSignal): Promise<Ending> {
  await sleepUnlessStopped(clock, timeoutMs, stop)
  return { kind: 'timeout' }
}

function waitForCancel(signal: AbortSignal | undefined, stop: AbortSignal): Promise<Ending> {
  return new Promise((resolve) => {
    const onAbort = () => resolve({ kind: 'cancel' })
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true, signal: stop })
  })
}

/** Feeds the collector for as long as there is output; resolves only when there is too much. */
function collectOutput(options: {
  child: ChildProcess
  collector: OutputCollector
  maxBytes: number
}): Promise<Ending> {
  const { child, collector, maxBytes } = options
  return new Promise((resolve) => {
    child.stdout?.on('data', (bytes: Uint8Array) => {
      if (collector.totalBytes > maxBytes) return
      collector.append(bytes)
      if (collector.totalBytes > maxBytes) resolve({ kind: 'output' })
    })
    child.stdout?.on('error', () => child.stdout?.destroy())
  })
}

interface EndOptions {
  ending: Ending
  family: ProcessFamily
  exited: Promise<Exit>
  drained: Promise<void>
  collector: OutputCollector
  clock: Clock
}

async function endCommand({ ending, family, exited, drained, collector, clock }: EndOptions): Promise<Exit> {
  if (ending.kind === 'exit') {
    await waitAtMost(clock, DRAIN_MS, drained)
    const left = await findLeftovers(family, clock)
    if (left.length > 0) {
      await family.end(COMMAND_GRACE_MS.cancel)
      await waitAtMost(clock, DRAIN_MS, drained)
      collector.note(describeEnded(left))
    }
    return ending
  }
  await family.end(ending.kind === 'cancel' ? COMMAND_GRACE_MS.cancel : COMMAND_GRACE_MS.timeout)
  const exit = await waitAtMost(clock, EXIT_WAIT_MS, exited)
  await waitAtMost(clock, DRAIN_MS, drained)
  if (ending.kind === 'output') collector.note('The command was ended: it printed more than can be kept')
  return exit ?? NO_EXIT
}

/** What is still there shortly after the command's end: helpers that are just finishing are left to it. */
async function findLeftovers(family: ProcessFamily, clock: Clock): Promise<FamilyMember[]> {
  const deadline = clock.monotonicMs() + DRAIN_MS
  let seen = family.look()
  while ((seen.members.length > 0 || !seen.settled) && clock.monotonicMs() < deadline) {
    await clock.sleep(seen.members.length > 0 ? 20 : 2)
    seen = family.look()
  }
  return seen.members
}

function describeEnded(left: FamilyMember[]): string {
  const names = left.slice(0, 5).map(({ pid, command }) => `${command} (pid ${pid})`)
  const more = left.length > names.length ? ` and ${left.length - names.length} more` : ''
  const what = left.length === 1 ? '1 process that it left' : `${left.length} processes that it left`
  return `The command has ended; ${what} in the background ended with it: ${names.join(', ')}${more}`
}

async function waitAtMost<T>(clock: Clock, ms: number, promise: Promise<T>): Promise<T | undefined> {
  const stop = new AbortController()
  try {
    return await Promise.race([promise, sleepUnlessStopped(clock, ms, stop.signal).then(() => undefined)])
  } finally {
    stop.abort()
  }
}

/** Stays pending when stopped: the race it was in is over. */
async function sleepUnlessStopped(clock: Clock, ms: number, stop: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, stop)
  } catch (error) {
    if (!stop.aborted) throw error
    await new Promise(() => {})
  }
}
