import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { BuildMessage, ImageEngine } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { type BuildRun, runBuild } from '../../../../../../../lib/drivers/sandbox/docker/image/run-build.ts'

/** An engine that answers a build with these messages. */
function engineSaying(messages: BuildMessage[]) {
  const removed: string[] = []
  const absent = () => Promise.reject(new Error('not part of this test'))
  const engine: ImageEngine = {
    build: async () => Readable.from(messages),
    removeImage: async (id) => {
      removed.push(id)
      return true
    },
    findChildImage: async () => null,
    pull: absent,
    importTar: absent,
    exportContainer: absent,
    waitForEnd: absent,
    pruneImages: absent,
  }
  return { engine, removed }
}

function runOf(change: Partial<BuildRun> = {}): BuildRun & { progress: string[] } {
  const progress: string[] = []
  return {
    what: 'the image',
    context: Readable.from([]),
    dockerfile: 'Dockerfile',
    buildArgs: {},
    labels: {},
    noCache: false,
    onProgress: (line) => progress.push(line),
    signal: new AbortController().signal,
    progress,
    ...change,
  }
}

const say = (text: string): BuildMessage => ({ stream: `${text}\n` })

describe('one build', () => {
  it('answers the image’s id and tells the steps that take long', async () => {
    const { engine, removed } = engineSaying([
      say('Step 1/2 : FROM base'),
      say(' ---> aaaaaaaaaaaa'),
      say('Step 2/2 : RUN make     all'),
      { aux: { ID: 'sha256:bbb' } },
    ])
    const run = runOf()
    expect(await runBuild(engine, run)).toBe('sha256:bbb')
    expect(run.progress).toEqual(['  RUN make all'])
    expect(removed).toEqual([])
  })

  it('tells what a step is for, and how far apt is in it', async () => {
    const { engine } = engineSaying([
      say('Step 2/2 : RUN : installing git with apt;     set -eu;     apt-get install git'),
      say('Reading package lists...'),
      say('Get:1 http://deb.example/debian bookworm/main amd64 git amd64 1:2.39 [7264 kB]'),
      say('Setting up git (1:2.39) ...'),
      { aux: { ID: 'sha256:bbb' } },
    ])
    const run = runOf()
    await runBuild(engine, run)
    expect(run.progress).toEqual([
      '  installing git with apt',
      '    Get:1 http://deb.example/debian bookworm/main amd64 git amd64 1:2.39 [7264 kB]',
      '    Setting up git (1:2.39) ...',
    ])
  })

  it('fails with the end of the output, and removes the layer it left', async () => {
    const { engine, removed } = engineSaying([
      say('Step 1/3 : FROM base'),
      say(' ---> aaaaaaaaaaaa'),
      say('Step 2/3 : COPY a b'),
      say(' ---> bbbbbbbbbbbb'),
      say('Step 3/3 : RUN make'),
      say('make: no rule'),
      { error: 'returned a non-zero code: 2' },
    ])
    await expect(runBuild(engine, runOf())).rejects.toMatchObject({
      code: 'image_missing',
      message: 'Building the image failed: returned a non-zero code: 2',
      details: { logTail: expect.arrayContaining(['make: no rule', 'returned a non-zero code: 2']) },
    })
    expect(removed).toEqual(['bbbbbbbbbbbb'])
  })

  it('leaves the image alone that it builds on, also when its first step fails', async () => {
    const { engine, removed } = engineSaying([
      say('Step 1/2 : FROM base'),
      say(' ---> aaaaaaaaaaaa'),
      say('Step 2/2 : RUN make'),
      { error: 'failed' },
    ])
    await expect(runBuild(engine, runOf())).rejects.toMatchObject({ code: 'image_missing' })
    expect(removed).toEqual([])
  })

  it('leaves layers alone that it only took from the cache', async () => {
    const { engine, removed } = engineSaying([
      say('Step 1/2 : COPY a b'),
      say(' ---> Using cache'),
      say(' ---> bbbbbbbbbbbb'),
      { error: 'failed' },
    ])
    await expect(runBuild(engine, runOf())).rejects.toMatchObject({ code: 'image_missing' })
    expect(removed).toEqual([])
  })
})
