/** An engine that takes a call and never answers: what may take minutes is given up with its signal. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type OpenEngine, openEngine } from '../../../../../../../lib/drivers/sandbox/docker/engine/open-engine.ts'

let directory: string
let server: net.Server
let engine: OpenEngine

beforeEach(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'b-engine-'))
  server = net.createServer((socket) => socket.on('error', () => socket.destroy()).resume())
  server.listen(path.join(directory, 's'))
  await once(server, 'listening')
  engine = openEngine(`unix://${path.join(directory, 's')}`)
})

afterEach(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

it.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
  ['pruning images', (signal) => engine.pruneImages({ label: 'berth' }, signal)],
  ['exporting a container', (signal) => engine.exportContainer('abc', signal)],
  ['pulling an image', (signal) => engine.pull('debian', signal)],
  ['waiting for a container', (signal) => engine.waitForEnd('abc', signal)],
])('%s', async (_name, call) => {
  const connected = once(server, 'connection')
  const over = new AbortController()
  const called = call(over.signal)
  await connected
  over.abort()
  await expect(called).rejects.toThrow('abort')
})
