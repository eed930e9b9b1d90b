/** A page outside the pages: sign-in, not found, broken. The mark, a title, a few lines. */
import type { ReactNode } from 'react'
import { Brand } from './brand.tsx'
import { ThemeSwitch } from './theme-switch.tsx'

export function PlainPage({ title, children }: { title: string; children: ReactNode }) {
  return (
    <>
      <header className="bar">
        <Brand />
        <span className="grow" />
        <ThemeSwitch />
      </header>
      <main id="main" className="plain-page">
        <h1>{title}</h1>
        {children}
      </main>
    </>
  )
}
