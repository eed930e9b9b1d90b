/** Asks before what cannot be undone: the title names the act, the text what goes and what stays; focus is on the safe button. */
'use client'

import { type ReactNode, useId } from 'react'
import type { Problem } from '../model/problem.ts'
import { Dialog } from './dialog.tsx'
import { ProblemNote } from './problem-note.tsx'

export interface ConfirmDialogProps {
  title: string
  children: ReactNode
  keepLabel: string
  actLabel: string
  isBusy: boolean
  problem: Problem | null
  onKeep(): void
  onAct(): void
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const id = useId()
  return (
    <Dialog titleId={id} onClose={props.onKeep}>
      <h2 id={id}>{props.title}</h2>
      <div className="muted">{props.children}</div>
      {props.problem && <ProblemNote problem={props.problem} />}
      <footer>
        {/* biome-ignore lint/a11y/noAutofocus: a dialog that destroys begins on its safe button */}
        <button className="btn" type="button" autoFocus onClick={props.onKeep}>
          {props.keepLabel}
        </button>
        <button className="btn destroy" type="button" disabled={props.isBusy} onClick={props.onAct}>
          {props.actLabel}
        </button>
      </footer>
    </Dialog>
  )
}
