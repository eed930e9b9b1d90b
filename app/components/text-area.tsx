/** A labelled field of several lines, with its hint or its error, which are read out with it. */
'use client'

import { type ReactNode, type TextareaHTMLAttributes, useId } from 'react'
import { FieldNote } from './text-field.tsx'

export interface TextAreaProps extends Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, 'onChange'> {
  label: string
  /** Beside the label, faint. */
  aside?: string
  mono?: boolean
  hint?: ReactNode
  error?: string | null
  onText(value: string): void
}

export function TextArea({ label, aside, mono, hint, error, onText, ...input }: TextAreaProps) {
  const id = useId()
  const noteId = `${id}-note`
  const hasNote = Boolean(error ?? hint)
  return (
    <div>
      <label className="label" htmlFor={id}>
        {label} {aside && <span className="opt">{aside}</span>}
      </label>
      <span className={error ? 'field area bad' : 'field area'}>
        <textarea
          {...input}
          id={id}
          className={mono ? 'mono code-12' : undefined}
          spellCheck={!mono}
          aria-invalid={error ? true : undefined}
          aria-describedby={hasNote ? noteId : undefined}
          onChange={(event) => onText(event.target.value)}
        />
      </span>
      {hasNote && <FieldNote id={noteId} error={error ?? null} hint={hint} />}
    </div>
  )
}
