import { once } from 'node:events'
import { type Duplex, duplexPair } from 'node:stream'
import { describe, expect, it, vi } from 'vitest'
import { type ContainerEngine, EngineRefusal } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { createRelays } from '../../../../../../../lib/drivers/sandbox/docker/reach/relays.ts'
import { silentLogger } from '../../../../../../../lib/logger.ts'
import { createFakeContainerEngine } from '../../../../../../support/fake-container-engine.ts'

const target = { engineId: 'container-1', agentId: 'agt_1' }

/** An engine whose relays say this line when they are told to connect; `ends` are their own sides of the connection, in order. */
function engineSaying(line: string, words = '') {
  const ends: Duplex[] = []
  const openExec: ContainerEngine['openExec'] = async () => {
    const [near, far] = duplexPair()
    ends.push(far)
    far.on('error', () => far.destroy())
    far.once('data', () => (line === '' ? far.end() : far.write(line)))
    return Object.assign(near, { words })
  }
  return { engine: createFakeContainerEngine({ openExec }), ends }
}

describe('connections through relays', () => {
  it('hands over what comes behind the first line, and keeps one relay ready', async () => {
    const { engine, ends } = engineSaying('berth-relay connected\nhello')
    const relays = createRelays(engine, silentLogger)
    const connection = await relays.dial(target)
    expect(String((await once(connection, 'data'))[0])).toBe('hello')
    await vi.waitFor(() => expect(ends).toHaveLength(2))
    await relays.dial(target)
    await vi.waitFor(() => expect(ends).toHaveLength(3))
    relays.close()
    await vi.waitFor(() => expect(ends[2]?.destroyed || ends[2]?.readableEnded || ends[2]?.closed).toBe(true))
  })

  it('does not use a relay that ended while it stood ready', async () => {
    const { engine, ends } = engineSaying('berth-relay connected\n')
    const relays = createRelays(engine, silentLogger)
    await relays.dial(target)
    await vi.waitFor(() => expect(ends).toHaveLength(2))
    ends[1]?.destroy()
    const connection = await relays.dial(target)
    connection.write('asked')
    expect(String((await once(ends[2] as Duplex, 'data'))[0])).toBe('asked')
    relays.close()
  })

  it.each([
    [
      'nobody listens',
      'berth-relay ECONNREFUSED\n',
      '',
      'No bridge listens on /run/berth-bridge/bridge.sock (ECONNREFUSED).',
    ],
    [
      'the program is missing',
      'OCI runtime exec failed: no such file\r\n',
      '',
      'The relay in the container of agent agt_1 did not run: OCI runtime exec failed: no such file.',
    ],
    ['it fails', '', 'Error: broken', 'The relay in the container of agent agt_1 did not run: Error: broken.'],
    ['it ends', '', '', 'The relay in the container of agent agt_1 ended without a word.'],
  ])('says why there is none: %s', async (_case, line, words, message) => {
    const { engine } = engineSaying(line, words)
    await expect(createRelays(engine, silentLogger).dial(target)).rejects.toMatchObject({
      code: 'sandbox_lost',
      message,
    })
  })

  it('says that the container does not run', async () => {
    const engine = createFakeContainerEngine({
      openExec: async () => {
        throw new EngineRefusal(409, 'Container container-1 is not running')
      },
    })
    await expect(createRelays(engine, silentLogger).dial(target)).rejects.toMatchObject({
      code: 'sandbox_lost',
      message: 'The container of agent agt_1 does not run.',
    })
  })
})
