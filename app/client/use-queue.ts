/** The words that wait for one agent's run, in the order in which it will take them. */
'use client'

import { useCallback, useEffect, useRef, useState } from 'react'
import type { AgentView, Page, QueuedMessageView } from '../../lib/services/agent/schemas.ts'
import type { Problem } from '../model/problem.ts'
import { callApi } from './api.ts'
import { noteProblem } from './use-agents.ts'

export interface Queue {
  items: QueuedMessageView[]
  problem: Problem | null
  /** What befell the words that were last touched, in words; null where it went as asked. */
  notice: string | null
  forget(): void
  /** Both answer false where the words stay as they were, or were taken meanwhile. */
  reword(messageId: string, message: string): Promise<boolean>
  remove(messageId: string): Promise<boolean>
}

const TAKEN = 'The run had taken these words already, so they stand as they were said.'

/** `agent` is the API's last answer: each new one is followed by a look at the queue, if anything waits in it. */
export function useQueue(agent: AgentView, refresh: () => void): Queue {
  const [items, setItems] = useState<QueuedMessageView[]>([])
  const [problem, setProblem] = useState<Problem | null>(null)
  const [notice, setNotice] = useState<string | null>(null)
  const asked = useRef(0)
  const path = `/api/agents/${encodeURIComponent(agent.id)}/queue`

  const look = useCallback(() => {
    asked.current += 1
    const mine = asked.current
    callApi<Page<QueuedMessageView>>(path).then(
      (page) => {
        // An answer that was overtaken says less than the later one.
        if (mine === asked.current) setItems(page.items)
      },
      (error: unknown) => setProblem(noteProblem(error)),
    )
  }, [path])
  useEffect(() => {
    if (agent.queued > 0) return look()
    asked.current += 1
    setItems([])
  }, [agent, look])
  useEffect(() => {
    window.addEventListener('focus', refresh)
    return () => window.removeEventListener('focus', refresh)
  }, [refresh])

  const touch = async (messageId: string, call: () => Promise<unknown>): Promise<boolean> => {
    setProblem(null)
    setNotice(null)
    try {
      await call()
      asked.current += 1
      return true
    } catch (error) {
      const found = noteProblem(error)
      if (found.status === 404) {
        setItems((before) => before.filter(({ id }) => id !== messageId))
        setNotice(TAKEN)
      } else {
        setProblem(found)
      }
      return false
    } finally {
      refresh()
    }
  }
  const pathOf = (messageId: string) => `${path}/${encodeURIComponent(messageId)}`
  return {
    items,
    problem,
    notice,
    forget: () => {
      setProblem(null)
      setNotice(null)
    },
    reword: (messageId, message) =>
      touch(messageId, async () => {
        const reworded = await callApi<QueuedMessageView>(pathOf(messageId), { method: 'PATCH', body: { message } })
        setItems((before) => before.map((item) => (item.id === messageId ? reworded : item)))
      }),
    remove: (messageId) =>
      touch(messageId, async () => {
        await callApi(pathOf(messageId), { method: 'DELETE' })
        setItems((before) => before.filter(({ id }) => id !== messageId))
      }),
  }
}
