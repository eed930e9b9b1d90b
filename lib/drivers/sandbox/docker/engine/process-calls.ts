/** Of the engine port over dockerode: what lasts: processes in containers, and the stream of events. */
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { orNull } from './answers.ts'
import type { ContainerEngine } from './engine.ts'
import { ExecStream } from './exec-stream.ts'
import { readJsonLines } from './json-lines.ts'
import { splitLogFrames } from './log-frames.ts'
import type { EngineClients } from './open-engine.ts'

type ProcessCall = 'exec' | 'openExec' | 'findExec' | 'events'

/** A connection that says nothing for long must not be forgotten on the way to an engine on another machine. */
const KEEP_ALIVE_MS = 30_000

export function createProcessCalls({ short, long, ask }: EngineClients): Pick<ContainerEngine, ProcessCall> {
  return {
    exec: (id, { command, user, workingDirectory, env }) =>
      ask('exec', async () => {
        const exec = await short.getContainer(id).exec({
          Cmd: command,
          User: user,
          WorkingDir: workingDirectory,
          Env: env,
          AttachStdout: true,
          AttachStderr: true,
        })
        const stream = await long.getExec(exec.id).start({ hijack: true, stdin: false })
        return { execId: exec.id, output: demultiplex(stream) }
      }),

    openExec: (id, { command, user, workingDirectory, env }, signal) =>
      ask('exec', async () => {
        const exec = await short.getContainer(id).exec({
          Cmd: command,
          User: user,
          WorkingDir: workingDirectory,
          Env: env,
          AttachStdin: true,
          AttachStdout: true,
          AttachStderr: true,
          abortSignal: signal,
        })
        const connection = await long.getExec(exec.id).start({ hijack: true, abortSignal: signal })
        if (connection instanceof Socket) connection.setNoDelay().setKeepAlive(true, KEEP_ALIVE_MS)
        return new ExecStream(connection)
      }),

    findExec: (execId) =>
      orNull(
        ask('inspect exec', async () => {
          const { Running, Pid, ExitCode, ProcessConfig } = await short.getExec(execId).inspect()
          return {
            running: Running,
            started: Pid > 0,
            exitCode: ExitCode,
            command: [ProcessConfig.entrypoint, ...(ProcessConfig.arguments ?? [])],
          }
        }),
      ),

    events: ({ labels, actions, signal }) =>
      ask('watch events', async () => {
        const filters = JSON.stringify({ type: ['container'], label: labels, event: actions })
        const stream = await long.getEvents({ filters, abortSignal: signal })
        return readEvents(stream, signal)
      }),
  }
}

interface RawEvent {
  Action?: string
  Actor?: { ID?: string; Attributes?: Record<string, string> }
}

async function* readEvents(stream: NodeJS.ReadableStream, signal: AbortSignal) {
  try {
    for await (const raw of readJsonLines<RawEvent>(stream)) {
      yield {
        action: raw.Action ?? '',
        containerId: raw.Actor?.ID ?? '',
        attributes: raw.Actor?.Attributes ?? {},
      }
    }
  } catch (error) {
    // A stream that broke has ended like one that closed; who watches connects again.
    if (!signal.aborted && !(error instanceof Error && 'code' in error)) throw error
  }
}

/** Both output streams of a process as one. */
function demultiplex(stream: NodeJS.ReadableStream & { destroy?(): void }): Readable {
  let rest: Buffer = Buffer.alloc(0)
  const output = new Readable({
    read: () => {
      stream.resume()
    },
    destroy: (error, done) => {
      stream.destroy?.()
      done(error)
    },
  })
  stream.on('data', (chunk: Buffer) => {
    const split = splitLogFrames(Buffer.concat([rest, chunk]))
    rest = split.rest
    for (const { payload } of split.frames) if (!output.push(payload)) stream.pause()
  })
  stream.on('end', () => output.push(null))
  stream.on('close', () => output.push(null))
  stream.on('error', (error) => output.destroy(error))
  return output
}
