/** A labelled field with its hint or its error, which are read out with it. */
'use client'

import { type InputHTMLAttributes, type ReactNode, useId } from 'react'
import { type IconName, LineIcon } from './line-icon.tsx'

export interface TextFieldProps extends Omit<InputHTMLAttributes<HTMLInputElement>, 'onChange'> {
  label: string
  /** Beside the label, faint. */
  aside?: string
  icon?: IconName
  mono?: boolean
  hint?: ReactNode
  error?: string | null
  onText(value: string): void
}

export function TextField({ label, aside, icon, mono, hint, error, onText, ...input }: TextFieldProps) {
  const id = useId()
  const noteId = `${id}-note`
  const hasNote = Boolean(error ?? hint)
  return (
    <div>
      <label className="label" htmlFor={id}>
        {label} {aside && <span className="opt">{aside}</span>}
      </label>
      <span className={error ? 'field bad' : 'field'}>
        {icon && <LineIcon name={icon} small />}
        <input
          {...input}
          id={id}
          className={mono ? 'mono code-12' : undefined}
          aria-invalid={error ? true : undefined}
          aria-describedby={hasNote ? noteId : undefined}
          onChange={(event) => onText(event.target.value)}
        />
      </span>
      {hasNote && <FieldNote id={noteId} error={error ?? null} hint={hint} />}
    </div>
  )
}

export function FieldNote({ id, error, hint }: { id: string; error: string | null; hint?: ReactNode }) {
  if (error === null) {
    return (
      <p className="hint" id={id}>
        {hint}
      </p>
    )
  }
  return (
    <p className="hint bad" id={id}>
      <LineIcon name="warn" />
      <span>{error}</span>
    </p>
  )
}
