/** The time, for clocks and ages on a page: null on the server and in the first drawing, so that both are the same. */
'use client'

import { useSyncExternalStore } from 'react'

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | null = null
let nowMs = 0

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  nowMs = Date.now()
  timer ??= setInterval(() => {
    nowMs = Date.now()
    for (const tick of listeners) tick()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0 && timer) {
      clearInterval(timer)
      timer = null
    }
  }
}

/** Ticks once a second, one clock for the whole page. */
export function useNow(): number | null {
  const now = useSyncExternalStore(
    subscribe,
    () => nowMs,
    () => 0,
  )
  return now === 0 ? null : now
}
