/** The form that changes an agent. Owns: its fields while it is open, what cannot be read, sending, going on afterwards. */
'use client'

import { useCallback, useRef, useState } from 'react'
import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { type AgentField, type AgentForm, formOf, readChanges } from '../../model/agent-edit.ts'
import { type Problem, unreadable } from '../../model/problem.ts'
import type { AgentActions } from './use-agent-actions.ts'

/** What a run is told that goes on after a limit was raised. */
export const GO_ON = 'The limit was raised. Go on where you stopped.'

export interface OpenEditor {
  before: AgentForm
  form: AgentForm
  /** Where the cursor is to be; null: at the first field. */
  field: AgentField | null
  /** Whether a run follows the change. */
  goesOn: boolean
}

/** Opens the form, at a field if one is named; what was typed in it already is kept. */
export type ShowEditor = (target?: { field?: AgentField; goesOn?: boolean }) => void

export interface AgentEditor {
  /** Null while it is closed. */
  open: OpenEditor | null
  problem: Problem | null
  show: ShowEditor
  put<K extends AgentField>(field: K, value: AgentForm[K]): void
  save(): Promise<void>
  close(): void
}

export function useAgentEditor(agent: AgentView, actions: AgentActions): AgentEditor {
  const [open, setOpen] = useState<OpenEditor | null>(null)
  const [unread, setUnread] = useState<Problem | null>(null)
  const latest = useRef(agent)
  latest.current = agent
  // The entry of the log that leads here may have been drawn long ago.
  const show = useCallback<ShowEditor>(({ field, goesOn } = {}) => {
    setUnread(null)
    setOpen((now) => {
      const form = formOf(latest.current)
      return { before: form, form, ...now, field: field ?? null, goesOn: goesOn ?? false }
    })
  }, [])
  const close = () => {
    setOpen(null)
    setUnread(null)
    if (actions.problem?.action === 'change') actions.forget()
  }
  const save = async () => {
    if (open === null) return
    const { body, fields } = readChanges(open.before, open.form)
    if (fields.length > 0) return setUnread(unreadable(fields))
    if (Object.keys(body).length > 0 && !(await actions.change(body))) return
    setOpen(null)
    if (open.goesOn) await actions.say(GO_ON)
  }
  return {
    open,
    problem: unread ?? (actions.problem?.action === 'change' ? actions.problem.problem : null),
    show,
    put: (field, value) => {
      setUnread(null)
      setOpen((now) => now && { ...now, form: { ...now.form, [field]: value } })
    },
    save,
    close,
  }
}
