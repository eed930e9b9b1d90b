/** One stream of events for a page, given out in batches of a frame, so that a burst redraws once. */
'use client'

import { useEffect, useEffectEvent, useState } from 'react'
import type { EventView } from '../../lib/services/agent/schemas.ts'
import { goToSignIn } from './api.ts'
import { type Connection, readEvents } from './event-reader.ts'

/** Also in a tab that is not looked at, where frames stand still. */
const BATCH_MS = 50

export interface EventsInput<E> {
  /** Null: no stream yet. */
  url: ((after: number) => string) | null
  /** Another key is another stream. */
  key: string
  onEvents(events: E[]): void
  /** After each connection that is not the first: something may have been missed. */
  onReconnect?(): void
}

export function useEvents<E extends EventView>(input: EventsInput<E>): Connection {
  const [connection, setConnection] = useState<Connection>({ state: 'connecting' })
  const give = useEffectEvent(input.onEvents)
  const reconnected = useEffectEvent(() => input.onReconnect?.())
  const urlOf = useEffectEvent((after: number) => input.url?.(after) ?? '')
  const hasUrl = input.url !== null
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key names the stream
  useEffect(() => {
    if (!hasUrl) return
    const ended = new AbortController()
    let pending: E[] = []
    let timer: ReturnType<typeof setTimeout> | null = null
    let opened = 0
    const flush = () => {
      timer = null
      const batch = pending
      pending = []
      give(batch)
    }
    void readEvents<E>({
      url: urlOf,
      signal: ended.signal,
      onEvents: (events) => {
        pending.push(...events)
        timer ??= setTimeout(flush, BATCH_MS)
      },
      onConnection: (next) => {
        setConnection(next)
        if (next.state === 'open' && opened++ > 0) reconnected()
        if (next.state === 'refused' && next.problem.status === 401) goToSignIn()
      },
    })
    return () => {
      ended.abort()
      if (timer) clearTimeout(timer)
    }
  }, [input.key, hasUrl])
  return connection
}
