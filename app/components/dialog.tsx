/** A modal dialog on the browser's own `<dialog>`: focus moves in, Esc closes, closing gives focus back. */
'use client'

import { type ReactNode, useEffect, useRef } from 'react'

export interface DialogProps {
  titleId: string
  className?: string
  onClose(): void
  children: ReactNode
}

export function Dialog({ titleId, className = 'dialog', onClose, children }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const before = document.activeElement
    ref.current?.showModal()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return (
    <dialog
      ref={ref}
      className={className}
      aria-labelledby={titleId}
      onClose={onClose}
      // A press on the backdrop is one on the dialog itself, outside its content.
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose()
      }}
    >
      <div className="dialog-body">{children}</div>
    </dialog>
  )
}
