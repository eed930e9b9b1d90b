/** A button that opens a short list of actions. Arrow keys move, Esc closes and gives focus back. */
'use client'

import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import { type IconName, LineIcon } from './line-icon.tsx'

export interface MenuItem {
  label: string
  icon: IconName
  danger?: boolean
  act(): void
}

export function Menu({ label, items }: { label: string; items: MenuItem[] }) {
  const [isOpen, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const id = useId()
  useCloseOutside(root, isOpen, () => setOpen(false))
  useEffect(() => {
    if (isOpen) root.current?.querySelector<HTMLElement>('[role="menuitem"]')?.focus()
  }, [isOpen])
  const close = () => {
    setOpen(false)
    button.current?.focus()
  }
  return (
    <div className="menu-root" ref={root}>
      <button
        ref={button}
        className="btn quiet icon"
        type="button"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        <LineIcon name="dots" />
      </button>
      {isOpen && (
        <div className="actions" role="menu" id={id} aria-label={label} onKeyDown={(event) => moveFocus(event, close)}>
          {items.map((item) => (
            <button
              key={item.label}
              className={item.danger ? 'danger' : ''}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close()
                item.act()
              }}
            >
              <LineIcon name={item.icon} small />
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}

function moveFocus(event: KeyboardEvent<HTMLElement>, close: () => void): void {
  if (event.key === 'Escape' || event.key === 'Tab') {
    event.preventDefault()
    event.stopPropagation()
    close()
    return
  }
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (step === 0) return
  event.preventDefault()
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="menuitem"]')]
  const at = items.findIndex((item) => item.matches(':focus'))
  items[(at + step + items.length) % items.length]?.focus()
}

function useCloseOutside(root: { current: HTMLElement | null }, isOpen: boolean, close: () => void): void {
  const latest = useRef(close)
  latest.current = close
  useEffect(() => {
    if (!isOpen) return
    const listener = (event: PointerEvent) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) latest.current()
    }
    document.addEventListener('pointerdown', listener)
    return () => document.removeEventListener('pointerdown', listener)
  }, [isOpen, root])
}
