/** The image half of the engine port over dockerode: build, pull, import, export. */
import type { Readable } from 'node:stream'
import { type BuildMessage, EngineRefusal, type ImageEngine, isRefusal } from './engine.ts'
import { readJsonLines } from './json-lines.ts'
import type { EngineClients } from './open-engine.ts'

export function createImageCalls({ short, long, ask }: EngineClients): ImageEngine {
  return {
    build: ({ context, dockerfile, tag, buildArgs, labels, noCache, network, signal }) =>
      ask('build image', async () =>
        readJsonLines<BuildMessage>(
          await long.buildImage(context, {
            dockerfile,
            ...(tag === undefined ? {} : { t: tag }),
            buildargs: buildArgs,
            labels,
            nocache: noCache,
            rm: true,
            forcerm: true,
            networkmode: network ?? 'none',
            abortSignal: signal,
          }),
        ),
      ),

    pull: (image, signal) =>
      ask('pull image', async () =>
        readJsonLines<BuildMessage>(await long.createImage({ ...splitImageName(image), abortSignal: signal })),
      ),

    importTar: (tar, { tag, changes, signal }) =>
      ask('import image', async () => {
        const options = { ...(tag === undefined ? {} : toRepository(tag)), changes, abortSignal: signal }
        return readImportedId(await long.importImage(tar, options))
      }),

    exportContainer: (id, signal) =>
      ask('export container', async () => {
        return (await long.getContainer(id).export({ abortSignal: signal })) as Readable
      }),

    waitForEnd: (id, signal) =>
      ask('wait for container', async () => {
        const { StatusCode } = await long.getContainer(id).wait({ abortSignal: signal })
        return StatusCode as number
      }),

    removeImage: async (idOrName) => {
      try {
        await ask('remove image', () => short.getImage(idOrName).remove())
        return true
      } catch (error) {
        if (isRefusal(error, 404)) return true
        if (isRefusal(error, 409)) return false
        throw error
      }
    },

    findChildImage: (id) =>
      ask('list images', async () => {
        const images = await short.listImages({ all: true })
        return images.find(({ ParentId }) => ParentId.replace('sha256:', '').startsWith(id))?.Id ?? null
      }),

    pruneImages: ({ label, olderThan }, signal) =>
      ask('prune images', async () => {
        const age = olderThan === undefined ? {} : { until: [olderThan] }
        await long.pruneImages({ filters: { dangling: ['true'], label: [label], ...age }, abortSignal: signal })
      }),
  }
}

/** An import says the new image's id as the last status. */
async function readImportedId(stream: NodeJS.ReadableStream): Promise<string> {
  let id = ''
  for await (const message of readJsonLines<BuildMessage>(stream)) {
    if (message.error !== undefined) throw new EngineRefusal(500, message.error)
    id = message.status ?? id
  }
  return id
}

/** "host:5000/a/b:tag" into the parts of the pull call; no tag means latest. */
function splitImageName(image: string): { fromImage: string; tag?: string } {
  if (image.includes('@')) return { fromImage: image }
  const colon = image.lastIndexOf(':')
  if (colon <= image.lastIndexOf('/')) return { fromImage: image, tag: 'latest' }
  return { fromImage: image.slice(0, colon), tag: image.slice(colon + 1) }
}

function toRepository(tag: string): { repo: string; tag: string } {
  const { fromImage, tag: name = 'latest' } = splitImageName(tag)
  return { repo: fromImage, tag: name }
}
