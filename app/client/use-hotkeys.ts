/** Keys of a page. Single letters do nothing while a field has focus or a dialog is open. */
'use client'

import { useEffect, useEffectEvent } from 'react'

/** By `event.key`, lower case; `ctrl+.` with Control or Command. */
export type Hotkeys = Record<string, () => void>

export function useHotkeys(keys: Hotkeys): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.altKey || event.isComposing) return
    const withControl = event.ctrlKey || event.metaKey
    if (!withControl && (isWriting(event.target) || document.querySelector('dialog[open]'))) return
    const name = `${withControl ? 'ctrl+' : ''}${event.key.toLowerCase()}`
    const action = Object.hasOwn(keys, name) ? keys[name] : undefined
    if (!action) return
    event.preventDefault()
    action()
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent) => press(event)
    window.addEventListener('keydown', listener)
    return () => window.removeEventListener('keydown', listener)
  }, [])
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'))
}
