/**
 * A program of a sandbox as a process that outlives the control plane. A small shell keeps it: it writes down which process it
 * is and how it ended, so that both are known to a control plane that was not there. Owns: these files. Must not know: what
 * the program is.
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import path from 'node:path'
import { findProcess, readNamespace } from '../../../process-table.ts'

/**
 * $1 is the file of the process, $2 that of its end, $3 the machine's life; the rest is the program. Field 22 of
 * /proc/<pid>/stat is when it began; its second field is the shell's name here and has no blank.
 */
const KEEPER = `
running=$1 ended=$2 life=$3
shift 3
"$@" &
pid=$!
read -r stat </proc/$pid/stat
set -- $stat
began=\${22}
read -r stat </proc/$$/stat
set -- $stat
echo "$pid $began $$ \${22} $life" >"$running"
wait "$pid"
echo "$?" >"$ended"
`

export type ProgramName = 'bridge' | 'runner'

/** A process that is not taken for a later one of its number. */
export interface KnownProcess {
  pid: number
  /** As in the process table. */
  startTime: string
}

export type ProgramState =
  | { state: 'absent' }
  | { state: 'running'; program: KnownProcess }
  /** `exitCode` as a shell has it: 128 and more after a signal; null when nobody saw its end. */
  | { state: 'ended'; program: KnownProcess; exitCode: number | null }

export interface Program {
  name: ProgramName
  /** Where it is noted. */
  folder: string
  log: string
  command: string[]
  workingDirectory: string
  env: Record<string, string>
  /** Its keeper has ended, or never began; only heard while this process lives. */
  onEnd(): void
}

/** A log that has grown beyond it begins anew with the next start. */
const MAX_LOG_BYTES = 10 * 1024 * 1024

/** Forgets an earlier life of the program and starts it. Whether it began is found out with `readProgram`. */
export async function startProgram(program: Program): Promise<void> {
  const { name, folder, log, command, workingDirectory, env, onEnd } = program
  const files = filesOf(folder, name)
  await Promise.all(Object.values(files).map((file) => rm(file, { force: true })))
  const output = openSync(log, sizeOf(log) > MAX_LOG_BYTES ? 'w' : 'a', 0o600)
  try {
    const keeper = spawn('/bin/sh', ['-c', KEEPER, 'berth', files.running, files.ended, lifeOfMachine(), ...command], {
      cwd: workingDirectory,
      env: env as NodeJS.ProcessEnv,
      // Of its own session: no terminal's Ctrl+C or end reaches it.
      detached: true,
      stdio: ['ignore', output, output],
    })
    keeper.once('error', onEnd)
    keeper.once('exit', onEnd)
    keeper.unref()
  } finally {
    closeSync(output)
  }
}

/** What its keeper wrote down, held against the processes of this machine. */
export function readProgram(folder: string, name: ProgramName): ProgramState {
  const files = filesOf(folder, name)
  const note = /^(\d+) (\d+) (\d+) (\d+) (\S+)\n$/.exec(readIfThere(files.running))
  if (note === null) return { state: 'absent' }
  const [, pid, startTime = '', keeperPid, keeperStartTime = '', life] = note
  const program = { pid: Number(pid), startTime }
  const keeper = { pid: Number(keeperPid), startTime: keeperStartTime }
  if (life === lifeOfMachine() && isAlive(program)) return { state: 'running', program }
  const isOver = life !== lifeOfMachine() || !isAlive(keeper)
  const end = readIfThere(files.ended)
  if (/^\d+\n$/.test(end)) return { state: 'ended', program, exitCode: Number(end) }
  // For a moment the program has ended and its keeper has not yet said how.
  return isOver ? { state: 'ended', program, exitCode: null } : { state: 'running', program }
}

export function isAlive({ pid, startTime }: KnownProcess): boolean {
  return findProcess(pid)?.startTime === startTime
}

/** Numbers and times of processes mean something in one process namespace between two starts of the machine. */
function lifeOfMachine(): string {
  return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${readNamespace()}`
}

function filesOf(folder: string, name: ProgramName): { running: string; ended: string } {
  return { running: path.join(folder, `${name}.process`), ended: path.join(folder, `${name}.ended`) }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ''
    throw error
  }
}
