/** What is being written to an agent. Kept for each agent across reloads. */
'use client'

import { useCallback, useEffect, useRef, useState } from 'react'

export interface Draft {
  text: string
  put(text: string): void
  /** What could not be sent, before what is written already. */
  giveBack(text: string): void
}

export function useDraft(agentId: string): Draft {
  const key = `berth-draft-${agentId}`
  const [text, setText] = useState('')
  const latest = useRef('')
  const put = useCallback(
    (next: string) => {
      latest.current = next
      setText(next)
      if (next === '') localStorage.removeItem(key)
      else localStorage.setItem(key, next)
    },
    [key],
  )
  useEffect(() => put(localStorage.getItem(key) ?? ''), [key, put])
  const giveBack = useCallback(
    (back: string) => put(latest.current.trim() === '' ? back : `${back}\n\n${latest.current}`),
    [put],
  )
  return { text, put, giveBack }
}
