import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { BuildMessage, ImageEngine } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { ensureBaseImage } from '../../../../../../../lib/drivers/sandbox/docker/image/base-image.ts'
import { createFakeContainerEngine } from '../../../../../../support/fake-container-engine.ts'

function engineWith({ images, pull }: { images: string[]; pull: () => Promise<BuildMessage[]> }) {
  const absent = () => Promise.reject(new Error('not part of this test'))
  const imageCalls: ImageEngine = {
    build: absent,
    pull: async () => Readable.from(await pull()),
    importTar: absent,
    exportContainer: absent,
    waitForEnd: absent,
    removeImage: absent,
    findChildImage: absent,
    pruneImages: absent,
  }
  const containerCalls = createFakeContainerEngine({
    findImage: async (name) => (images.includes(name) ? { id: name, labels: {} } : null),
  })
  return { ...containerCalls, ...imageCalls }
}

const never = () => Promise.reject(new Error('nothing is to be pulled'))

function ask(engine: ReturnType<typeof engineWith>, name: string, lines: string[] = []) {
  return ensureBaseImage(engine, {
    name,
    architecture: 'amd64',
    temporaryDirectory: '/nonexistent',
    onProgress: (line) => lines.push(line),
    signal: new AbortController().signal,
  })
}

describe('the base image', () => {
  it('is the one that is configured where the engine has it', async () => {
    const engine = engineWith({ images: ['debian:bookworm-slim'], pull: never })
    expect(await ask(engine, 'debian:bookworm-slim')).toBe('debian:bookworm-slim')
  })

  it('is the one that was made before, without another attempt to pull', async () => {
    const engine = engineWith({ images: ['berth-base:debian-bookworm-slim-amd64'], pull: never })
    expect(await ask(engine, 'debian:bookworm-slim')).toBe('berth-base:debian-bookworm-slim-amd64')
  })

  it('is pulled where it can be', async () => {
    const lines: string[] = []
    const engine = engineWith({ images: [], pull: async () => [{ status: 'Pull complete', id: 'abc' }] })
    expect(await ask(engine, 'debian:bookworm-slim', lines)).toBe('debian:bookworm-slim')
    expect(lines).toEqual(['Pulling debian:bookworm-slim', '  layer abc is here'])
  })

  it('is never replaced by Debian where another distribution’s was asked for', async () => {
    const engine = engineWith({ images: [], pull: async () => [{ error: 'no such host' }] })
    await expect(ask(engine, 'registry.example/company/ubuntu:24.04')).rejects.toMatchObject({
      code: 'image_missing',
      message:
        'The base image registry.example/company/ubuntu:24.04 is not on the engine and could not be pulled: no such host.',
      hint: expect.stringContaining('BERTH_BASE_IMAGE'),
    })
  })
})
