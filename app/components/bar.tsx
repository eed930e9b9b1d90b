/** The top bar of every page behind sign-in: where one is, the connection, the theme, a new agent. */
'use client'

import Link from 'next/link'
import { useRouter } from 'next/navigation'
import { signOut } from 'next-auth/react'
import { useState } from 'react'
import type { Connection } from '../client/event-reader.ts'
import { useHotkeys } from '../client/use-hotkeys.ts'
import { Brand } from './brand.tsx'
import { ConnectionState } from './connection-state.tsx'
import { KeysDialog } from './keys-dialog.tsx'
import { Menu } from './menu.tsx'
import { ThemeSwitch } from './theme-switch.tsx'

export interface BarProps {
  here: 'agents' | 'agent' | 'new'
  /** How many agents need a person; null where the page does not know. */
  needs: number | null
  /** Null on a page that listens to nothing. */
  connection: Connection | null
}

export function Bar({ here, needs, connection }: BarProps) {
  const router = useRouter()
  const [showsKeys, setShowsKeys] = useState(false)
  useHotkeys({ c: () => router.push('/agents/new'), '?': () => setShowsKeys(true) })
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="bar">
        <Brand />
        <nav className="nav" aria-label="Main">
          <Link href="/agents" aria-current={here === 'agents' ? 'page' : here === 'agent' ? 'true' : undefined}>
            Agents
            {needs !== null && needs > 0 && (
              <span className="flag">
                {needs}
                <span className="sr"> {needs === 1 ? 'needs you' : 'need you'}</span>
              </span>
            )}
          </Link>
        </nav>
        <span className="grow" />
        {connection && <ConnectionState connection={connection} />}
        <ThemeSwitch />
        <Menu
          label="More"
          items={[
            { label: 'Keys', icon: 'list', act: () => setShowsKeys(true) },
            { label: 'Sign out', icon: 'out', act: () => void signOut({ callbackUrl: '/sign-in' }) },
          ]}
        />
        {here !== 'new' && (
          <Link className="btn primary" href="/agents/new">
            New agent <kbd>C</kbd>
          </Link>
        )}
      </header>
      {showsKeys && <KeysDialog onClose={() => setShowsKeys(false)} />}
    </>
  )
}
