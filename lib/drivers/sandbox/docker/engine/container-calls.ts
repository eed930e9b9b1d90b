/** Of the engine port over dockerode: the engine itself, images looked up, and containers. */
import { orNull, unlessStatus } from './answers.ts'
import { type ContainerEngine, isRefusal } from './engine.ts'
import { splitLogFrames } from './log-frames.ts'
import type { EngineClients } from './open-engine.ts'

type ContainerCall =
  | 'version'
  | 'info'
  | 'findImage'
  | 'listContainers'
  | 'findContainer'
  | 'createContainer'
  | 'startContainer'
  | 'stopContainer'
  | 'removeContainer'
  | 'readLogs'

export function createContainerCalls({ short, ask }: EngineClients): Pick<ContainerEngine, ContainerCall> {
  return {
    version: () =>
      ask('version', async () => {
        const version = await short.version()
        return { version: version.Version, architecture: version.Arch }
      }),

    info: () =>
      ask('info', async () => {
        const info = await short.info()
        return {
          storageDriver: info.Driver ?? 'unknown',
          securityOptions: info.SecurityOptions ?? [],
          operatingSystem: info.OperatingSystem ?? '',
        }
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
          const { Id, Config, State, ExecIDs, Mounts } = await short.getContainer(idOrName).inspect()
          return {
            id: Id,
            labels: Config.Labels,
            running: State.Running,
            outOfMemory: State.OOMKilled,
            exitCode: State.Running ? null : State.ExitCode,
            execIds: ExecIDs ?? [],
            binds: Object.fromEntries(
              Mounts.filter(({ Type }) => Type === 'bind').map(({ Destination, Source }) => [Destination, Source]),
            ),
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
        const text = Buffer.concat(splitLogFrames(log).frames.map(({ payload }) => payload)).toString()
        return text === '' ? [] : text.replace(/\n$/, '').split('\n').slice(-lines)
      }),
  }
}
