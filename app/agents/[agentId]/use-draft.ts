/** What is being written to an agent. Kept for each agent across reloads. */
'use client'

import { useCallback, useEffect, useRef, useState } from 'react'

export interface Draft {
  text: string
  put(text: string): void
  /** Behind what is written already. */
  add(text: string): void
  /** Takes away what was sent; what was typed meanwhile stays. */
  takeAway(sent: string): void
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
  const add = useCallback(
    (more: string) => put(latest.current.trim() === '' ? more : `${latest.current.trimEnd()}\n\n${more}`),
    [put],
  )
  const takeAway = useCallback(
    (sent: string) => {
      const now = latest.current.trimStart()
      if (now.startsWith(sent)) put(now.slice(sent.length).trimStart())
    },
    [put],
  )
  return { text, put, add, takeAway }
}
