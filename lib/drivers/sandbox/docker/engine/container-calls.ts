/** The container half of the engine port over dockerode: containers, volumes, exec, events. */
import { Readable } from 'node:stream'
import { type ContainerEngine, EngineRefusal, isRefusal } from './engine.ts'
import { readJsonLines } from './json-lines.ts'
import { splitLogFrames } from './log-frames.ts'
import type { EngineClients } from './open-engine.ts'

export function createContainerCalls({ short, long, ask }: EngineClients): ContainerEngine {
  return {
    version: () =>
      ask('version', async () => {
        const version = await short.version()
        return { version: version.Version, architecture: version.Arch }
      }),

    info: () =>
      ask('info', async () => {
        const info = await short.info()
        return { storageDriver: info.Driver ?? 'unknown', securityOptions: info.SecurityOptions ?? [] }
      }),

    findImage: (name) =>
      orNull(
        ask('inspect image', async () => {
          const image = await short.getImage(name).inspect()
          return { id: image.Id, labels: image.Config.Labels ?? {} }
        }),
      ),

    listContainers: (labels) =>
      ask('list containers', async () => {
        const found = await short.listContainers({ all: true, filters: { label: labels } })
        return found.map(({ Id, Labels, State }) => ({ id: Id, labels: Labels, state: State }))
      }),

    findContainer: (idOrName) =>
      orNull(
        ask('inspect container', async () => {
          const { Id, Config, State, ExecIDs } = await short.getContainer(idOrName).inspect()
          return {
            id: Id,
            labels: Config.Labels,
            running: State.Running,
            outOfMemory: State.OOMKilled,
            exitCode: State.Running ? null : State.ExitCode,
            execIds: ExecIDs ?? [],
          }
        }),
      ),

    createContainer: (name, config) =>
      ask('create container', async () => (await short.createContainer({ ...config, name })).id),

    startContainer: (id) =>
      unlessStatus(
        [304],
        ask('start container', () => short.getContainer(id).start()),
      ),

    stopContainer: (id, graceSeconds) =>
      unlessStatus(
        [304, 404],
        ask('stop container', () => short.getContainer(id).stop({ t: graceSeconds })),
      ),

    removeContainer: async (id) => {
      try {
        await ask('remove container', () => short.getContainer(id).remove({ force: true }))
      } catch (error) {
        if (isRefusal(error, 404)) return
        // Another removal is under way: done when it is.
        if (!isRefusal(error, 409)) throw error
        await unlessStatus(
          [404],
          ask('wait for removal', () => short.getContainer(id).wait({ condition: 'removed' })),
        )
      }
    },

    readLogs: (id, lines) =>
      ask('read logs', async () => {
        const log = await short.getContainer(id).logs({ stdout: true, stderr: true, tail: lines })
        const text = Buffer.concat(splitLogFrames(log).payloads).toString()
        return text === '' ? [] : text.replace(/\n$/, '').split('\n').slice(-lines)
      }),

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

    findExec: (execId) =>
      orNull(
        ask('inspect exec', async () => {
          const { Running, ExitCode, ProcessConfig } = await short.getExec(execId).inspect()
          return {
            running: Running,
            exitCode: ExitCode,
            command: [ProcessConfig.entrypoint, ...(ProcessConfig.arguments ?? [])],
          }
        }),
      ),

    createVolume: (name, labels) =>
      ask('create volume', async () => {
        await short.createVolume({ Name: name, Labels: labels })
      }),

    findVolume: (name) =>
      orNull(ask('inspect volume', async () => ({ labels: (await short.getVolume(name).inspect()).Labels ?? {} }))),

    listVolumes: (labels) =>
      ask('list volumes', async () => {
        const { Volumes } = await short.listVolumes({ filters: { label: labels } })
        return (Volumes ?? []).map((volume) => volume.Name)
      }),

    removeVolume: (name) =>
      unlessStatus(
        [404],
        ask('remove volume', () => short.getVolume(name).remove()),
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
    for (const payload of split.payloads) if (!output.push(payload)) stream.pause()
  })
  stream.on('end', () => output.push(null))
  stream.on('close', () => output.push(null))
  stream.on('error', (error) => output.destroy(error))
  return output
}

async function orNull<T>(call: Promise<T>): Promise<T | null> {
  try {
    return await call
  } catch (error) {
    if (isRefusal(error, 404)) return null
    throw error
  }
}

async function unlessStatus(accepted: number[], call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof EngineRefusal && accepted.includes(error.statusCode))) throw error
  }
}
