import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { dialSocket } from '../../../../../lib/drivers/sandbox/dial-socket.ts'

const me = process.getuid?.() ?? -1

describe('dialling a socket that a sandbox could replace', () => {
  let folder: string
  let entry: string
  const servers: Server[] = []

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'berth-dial-'))
    entry = path.join(folder, 'bridge.sock')
  })
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve))
    await rm(folder, { recursive: true, force: true })
  })

  const listen = async (file: string) => {
    const server = createServer((socket) => socket.end('hello'))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(file, resolve))
  }

  it('connects to a socket of the expected user', async () => {
    await listen(entry)
    const socket = await dialSocket(entry, me)
    const [said] = await socket.setEncoding('utf8').toArray()
    expect(said).toBe('hello')
  })

  it('reaches a socket whose path is longer than the kernel takes', async () => {
    await listen(entry)
    const long = `${folder}/${'./'.repeat(60)}bridge.sock`
    expect(long.length).toBeGreaterThan(108)
    const socket = await dialSocket(long, me)
    expect(await socket.setEncoding('utf8').toArray()).toEqual(['hello'])
  })

  it('answers with a socket whose break ends nothing but itself, before anyone listens to it', async () => {
    await listen(entry)
    const socket = await dialSocket(entry, me)
    socket.emit('error', new Error('ECONNRESET'))
    expect(socket.destroyed).toBe(true)
  })

  it('refuses a symbolic link, even to a socket of the expected user', async () => {
    const real = path.join(folder, 'real.sock')
    await listen(real)
    await symlink(real, entry)
    await expect(dialSocket(entry, me)).rejects.toMatchObject({
      code: 'sandbox_lost',
      message: `The bridge's socket ${entry} was not connected to: it is a symbolic link.`,
    })
  })

  it('refuses a plain file', async () => {
    await writeFile(entry, '')
    await expect(dialSocket(entry, me)).rejects.toThrow('it is not a socket')
  })

  it('refuses a socket of another user', async () => {
    await listen(entry)
    await expect(dialSocket(entry, me + 1)).rejects.toThrow(`it belongs to uid ${me}, not to the bridge's ${me + 1}`)
  })

  it('says that nothing listens when the entry is not there', async () => {
    await expect(dialSocket(entry, me)).rejects.toMatchObject({ code: 'sandbox_lost', details: { errno: 'ENOENT' } })
  })

  it('leaves no descriptor open, neither after a refusal nor after a connection', async () => {
    const before = (await readdir('/proc/self/fd')).length
    await writeFile(entry, '')
    await expect(dialSocket(entry, me)).rejects.toThrow('not a socket')
    expect((await readdir('/proc/self/fd')).length).toBe(before)
  })
})
