import { describe, expect, it } from 'vitest'
import { createEventHub, type HubMessage } from '../../../../../lib/services/event/hub.ts'
import { createInbox } from '../../../../../lib/services/event/inbox.ts'

const message = (text: string, agentId = 'agt'): HubMessage => ({
  kind: 'delta',
  agentId,
  ownerId: 'usr',
  delta: { type: 'text_delta', runId: null, data: { messageId: 'm', offset: 0, delta: text } },
})

function openInbox() {
  const hub = createEventHub()
  const leaving = new AbortController()
  const inbox = createInbox(hub.subscribe, ({ agentId }) => agentId === 'agt', leaving.signal)
  return { hub, leaving, inbox }
}

describe('what a reader has not read', () => {
  it('comes in order, and only what it wants', async () => {
    const { hub, inbox } = openInbox()
    const [one, two] = [message('one'), message('two')]
    for (const next of [one, message('other', 'agt_other'), two]) hub.publish(next)
    expect([await inbox.next(), await inbox.next()]).toEqual([one, two])
  })

  it('is dropped and told once it is a thousand messages', async () => {
    const { hub, inbox } = openInbox()
    for (let count = 0; count <= 1_000; count += 1) hub.publish(message(String(count)))
    expect(await inbox.next()).toBe('overflow')
    expect(await inbox.next()).toEqual(message('1000'))
  })

  it('is dropped and told once it is large, however few messages it is', async () => {
    const { hub, inbox } = openInbox()
    const large = Array.from({ length: 4 }, () => message('x'.repeat(1024 * 1024)))
    for (const next of large) hub.publish(next)
    expect(await inbox.next()).toBe('overflow')
    expect(await inbox.next()).toBe(large[3])
  })

  it('never holds a message that is too large by itself', async () => {
    const { hub, inbox, leaving } = openInbox()
    hub.publish(message('x'.repeat(5 * 1024 * 1024)))
    expect(await inbox.next()).toBe('overflow')
    const next = inbox.next()
    leaving.abort()
    expect(await next).toBe('end')
  })

  it('has room again for as much as was read', async () => {
    const { hub, inbox } = openInbox()
    const half = message('x'.repeat(2 * 1024 * 1024))
    for (let count = 0; count < 10; count += 1) {
      hub.publish(half)
      expect(await inbox.next()).toBe(half)
    }
  })
})
