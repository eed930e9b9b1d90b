'use client'

import { useRouter } from 'next/navigation'
import { useRef, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { callApi, newIdempotencyKey } from '../../client/api.ts'
import { keepStartProblem } from '../../client/start-problem.ts'
import { noteProblem } from '../../client/use-agents.ts'
import { useHealth } from '../../client/use-health.ts'
import { useModels } from '../../client/use-models.ts'
import { Bar } from '../../components/bar.tsx'
import { buildCreateBody, EMPTY_FORM, findUnreadable, type NewAgentForm } from '../../model/new-agent-form.ts'
import { type Problem, unreadable } from '../../model/problem.ts'
import { NewAgentAside } from './new-agent-aside.tsx'
import { NewAgentFields } from './new-agent-fields.tsx'

export function NewAgentPage() {
  const router = useRouter()
  const models = useModels()
  const isolated = useHealth()?.isolated ?? true
  const [form, setForm] = useState<NewAgentForm>(EMPTY_FORM)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)
  const attempt = useRef({ body: '', key: '' })

  const submit = async (startsAtOnce: boolean) => {
    if (isBusy) return
    const fields = findUnreadable(form)
    if (fields.length > 0) return setProblem(unreadable(fields))
    setBusy(true)
    setProblem(null)
    const body = buildCreateBody(form)
    // One key for one intent: pressed again after a broken connection it does not make a second agent.
    const text = JSON.stringify(body)
    if (attempt.current.body !== text) attempt.current = { body: text, key: newIdempotencyKey() }
    try {
      const agent = await callApi<AgentView>('/api/agents', {
        method: 'POST',
        body,
        idempotencyKey: attempt.current.key,
      })
      if (startsAtOnce) await startIt(agent.id)
      router.push(`/agents/${agent.id}`)
    } catch (error) {
      attempt.current = { body: '', key: '' }
      setProblem(noteProblem(error))
      setBusy(false)
    }
  }
  return (
    <>
      <Bar here="new" needs={null} connection={null} />
      <main id="main" className="form-page">
        <NewAgentFields
          form={form}
          setForm={(change) => {
            setForm(change)
            setProblem(null)
          }}
          models={models}
          isolated={isolated}
          problem={problem}
          isBusy={isBusy}
          submit={submit}
        />
        <NewAgentAside form={form} models={models} isolated={isolated} />
      </main>
    </>
  )
}

/** The agent exists by now: a refused start is shown on its page, where it can be tried again. */
async function startIt(agentId: string): Promise<void> {
  try {
    await callApi(`/api/agents/${agentId}/start`, { method: 'POST' })
  } catch (error) {
    keepStartProblem(agentId, noteProblem(error))
  }
}
