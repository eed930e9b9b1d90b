import { afterEach, describe, expect, it } from 'vitest'
import { createExecutor } from '../../../../../container/bridge/executor/executor.ts'
import { type BridgeRig, sampleCommand, startBridgeRig } from '../../../../support/bridge-rig.ts'
import { attachPeer, type StreamHandler } from '../../../../support/tunnel-peer.ts'

let rig: BridgeRig | undefined

afterEach(async () => {
  await rig?.close()
  rig = undefined
})

const chunk = (content: string, finish: string | null) =>
  `data: ${JSON.stringify({ id: 'gen-1', choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

const begin: StreamHandler = (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'text/event-stream' })
  stream.write(chunk('Half of ', null))
}
const answerWhole: StreamHandler = (stream) => {
  begin(stream, {})
  stream.end(`${chunk('it, and the rest.', 'stop')}data: [DONE]\n\n`)
}

async function openRig() {
  const opened = await startBridgeRig({
    createExecutor: (parts) =>
      createExecutor({ ...parts, tools: [], clock: { ...parts.clock, sleep: soon(parts.clock) } }),
  })
  rig = opened
  let fence = 0
  const connect = async (handler: StreamHandler) => {
    fence += 1
    return attachPeer(await opened.client.openTunnel('control', fence), handler)
  }
  const ended = () =>
    new Promise<string>((resolve) => {
      const stop = opened.parts.journal.subscribe(() => {
        const done = opened.parts.journal.read(0).find((event) => event.type === 'done')
        if (!done) return
        stop()
        resolve(String(done.data.reason))
      })
    })
  return { rig: opened, connect, ended: ended() }
}

/** Waits between attempts pass at once; long ones (limits, watchdogs) are real. */
function soon(clock: { sleep(ms: number, signal?: AbortSignal): Promise<void> }) {
  return (ms: number, signal?: AbortSignal) => clock.sleep(ms < 20_000 ? 0 : ms, signal)
}

describe('a run over the tunnel', () => {
  it('waits for a tunnel, outlives the control plane in the middle of an answer, and ends', async () => {
    const { rig, connect, ended } = await openRig()
    await rig.client.execute(sampleCommand)
    const asked = Promise.withResolvers<void>()
    const first = await connect((stream, headers) => {
      begin(stream, headers)
      asked.resolve()
    })
    await asked.promise
    first.kill()
    await first.closed
    const second = await connect(answerWhole)
    expect(await ended).toBe('completed')
    const types = rig.parts.journal.read(0).map((event) => event.type)
    expect(types).toEqual(['run_started', 'thinking', 'error', 'text', 'done'])
    second.kill()
  })

  it('is cancelled in the middle of an answer, which the control plane sees at once', async () => {
    const { rig, connect, ended } = await openRig()
    const asked = Promise.withResolvers<void>()
    const closed = Promise.withResolvers<void>()
    const peer = await connect((stream, headers) => {
      begin(stream, headers)
      stream.once('close', closed.resolve)
      asked.resolve()
    })
    await rig.client.execute(sampleCommand)
    await asked.promise
    await rig.executor.cancel('run_1')
    expect(await ended).toBe('cancelled')
    await closed.promise
    peer.kill()
  })

  it('is cancelled while there is no tunnel', async () => {
    const { rig, ended } = await openRig()
    await rig.client.execute(sampleCommand)
    expect(await rig.executor.cancel('run_1')).toEqual({ ended: true })
    expect(await ended).toBe('cancelled')
  })
})
