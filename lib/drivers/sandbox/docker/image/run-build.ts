/** One build on the engine: says what takes long, and leaves no half-made image when it fails. */
import { setTimeout } from 'node:timers/promises'
import { BerthError } from '../../../../errors.ts'
import type { BuildMessage, ImageBuild, ImageEngine } from '../engine/engine.ts'

const LOG_LINES = 50
const SHOWN_CHARACTERS = 100
const LET_GO_MS = 5_000
const STEP = /^Step \d+\/\d+ : (.*)/
/** The classic builder names the image of each step. */
const LAYER = /^ ---> ([0-9a-f]{12})$/
const CACHED = /^ ---> Using cache$/
/** What a long RUN is for, said by its first, empty command. */
const PURPOSE = /^RUN : ([^;]+);/
/** apt's and dpkg's own words for how it goes on. */
const AT_WORK = /^(Get:\d+|Unpacking|Setting up) /

export interface BuildRun extends Omit<ImageBuild, 'signal'> {
  /** For a person: "the tools of the agent image". */
  what: string
  onProgress(line: string): void
  signal: AbortSignal
}

/** Answers the image's id. Throws `image_missing` with the end of the build's output in `details.logTail`. */
export async function runBuild(engine: ImageEngine, run: BuildRun): Promise<string> {
  const output = new BuildOutput(run.onProgress)
  try {
    for await (const message of await engine.build(run)) {
      output.add(message)
      if (message.error !== undefined) throw new Error(message.error)
    }
    run.signal.throwIfAborted()
    if (output.imageId === null) throw new Error('The engine ended the build without naming an image.')
    return output.imageId
  } catch (error) {
    if (output.freshLayer !== null) {
      await removeUnfinished(engine, { layer: output.freshLayer, copying: output.copying && run.signal.aborted })
    }
    run.signal.throwIfAborted()
    if (error instanceof BerthError) throw error
    throw new BerthError(
      'image_missing',
      `Building ${run.what} failed: ${error instanceof Error ? error.message : error}`,
      {
        hint: 'The last lines of the build say why; then run `npm run build-container`.',
        details: { logTail: output.tail },
        cause: error,
      },
    )
  }
}

/**
 * The builder takes a moment to let go of a build whose connection went away. It ends a RUN, but finishes a COPY, whose image
 * then comes late. What is still held after the wait is swept by a later build.
 */
async function removeUnfinished(
  engine: ImageEngine,
  { layer, copying }: { layer: string; copying: boolean },
): Promise<void> {
  const deadline = performance.now() + LET_GO_MS
  let late = copying
  for (;;) {
    const child = await engine.findChildImage(layer)
    if (child !== null) await engine.removeImage(child)
    late &&= child === null
    const expired = performance.now() > deadline
    if ((!late || expired) && (await engine.removeImage(layer))) return
    if (expired) return
    await setTimeout(LET_GO_MS / 50)
  }
}

/** What the build said so far. */
class BuildOutput {
  imageId: string | null = null
  /** The last image that this build itself made. */
  freshLayer: string | null = null
  /** The step in progress is a COPY. */
  copying = false
  tail: string[] = []
  readonly #onProgress: (line: string) => void
  /** The step in progress makes no image: it names the one that is built on, or takes its own from the cache. */
  #makesNone = false

  constructor(onProgress: (line: string) => void) {
    this.#onProgress = onProgress
  }

  add(message: BuildMessage) {
    this.imageId = message.aux?.ID ?? this.imageId
    const lines = (message.stream ?? message.error ?? '').split('\n').map((line) => line.trimEnd())
    for (const line of lines.filter((text) => text !== '')) this.#addLine(line)
  }

  #addLine(line: string) {
    this.tail = [...this.tail, line].slice(-LOG_LINES)
    const step = line.match(STEP)?.[1]
    if (step !== undefined) {
      this.#makesNone = step.startsWith('FROM')
      this.copying = step.startsWith('COPY')
      const words = PURPOSE.exec(step)?.[1] ?? step.replace(/\s+/g, ' ')
      if (/^(RUN|COPY)/.test(step)) this.#onProgress(`  ${words.slice(0, SHOWN_CHARACTERS)}`)
    }
    if (AT_WORK.test(line)) this.#onProgress(`    ${line.slice(0, SHOWN_CHARACTERS)}`)
    if (CACHED.test(line)) this.#makesNone = true
    const layer = line.match(LAYER)?.[1]
    if (layer !== undefined && !this.#makesNone) this.freshLayer = layer
  }
}
