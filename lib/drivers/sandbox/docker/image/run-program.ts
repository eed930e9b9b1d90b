/** A program of this machine, run to its end: its output line by line, and the end of it when it fails. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const TAIL_LINES = 50

/** The program ended with a status that is not 0, or could not be run. */
export class ProgramFailure extends Error {
  override readonly name = 'ProgramFailure'
  /** The last lines of its output and its errors, in the order in which they came. */
  readonly tail: string[]
  constructor(message: string, tail: string[], cause?: unknown) {
    super(message, { cause })
    this.tail = tail
  }
}

export interface ProgramRun {
  signal: AbortSignal
  onLine?: (line: string) => void
}

/** Throws ProgramFailure, or the signal's reason. */
export async function runProgram(program: string, args: string[], { signal, onLine }: ProgramRun): Promise<void> {
  const tail: string[] = []
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal })
  for (const output of [child.stdout, child.stderr]) {
    createInterface(output).on('line', (line) => {
      tail.push(line)
      if (tail.length > TAIL_LINES) tail.shift()
      onLine?.(line)
    })
  }
  await new Promise<void>((resolve, reject) => {
    child.once('error', (error) => reject(new ProgramFailure(`${program}: ${error.message}`, tail, error)))
    child.once('close', (code, endedBy) => {
      if (code === 0) resolve()
      else reject(new ProgramFailure(`${program} ended with ${code ?? endedBy}`, tail))
    })
  }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw error
  })
}
