/** What is being written to an agent. Kept for each agent across reloads. */
'use client'

import { useEffect, useState } from 'react'

export interface Draft {
  text: string
  put(text: string): void
  /** Behind what is written already. */
  add(text: string): void
}

export function useDraft(agentId: string): Draft {
  const key = `berth-draft-${agentId}`
  const [text, setText] = useState('')
  useEffect(() => setText(localStorage.getItem(key) ?? ''), [key])
  const put = (next: string) => {
    setText(next)
    if (next === '') localStorage.removeItem(key)
    else localStorage.setItem(key, next)
  }
  return { text, put, add: (more) => put(text.trim() === '' ? more : `${text.trimEnd()}\n\n${more}`) }
}
