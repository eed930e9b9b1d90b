/** Whether this page hears from the server. It never looks like an agent's state. */
'use client'

import type { Connection } from '../client/event-reader.ts'
import { useNow } from '../client/use-now.ts'
import { formatTimeOfDay } from '../model/format.ts'

/** After this long without a connection the page says since when, no longer when it tries next. */
const OFFLINE_AFTER_MS = 20_000

export function ConnectionState({ connection }: { connection: Connection }) {
  const now = useNow()
  const { look, words } = describe(connection, now ?? 0)
  return (
    <span className={`wire ${look}`} title="The connection of this page to Berth">
      {words}
    </span>
  )
}

function describe(connection: Connection, now: number): { look: string; words: string } {
  switch (connection.state) {
    case 'open':
      return { look: '', words: 'Connected' }
    case 'connecting':
      return { look: 'wait', words: 'Connecting' }
    case 'refused':
      return { look: 'off', words: 'Not connected' }
    case 'waiting': {
      if (now - connection.sinceMs > OFFLINE_AFTER_MS) {
        return { look: 'off', words: `Offline since ${formatTimeOfDay(new Date(connection.sinceMs).toISOString())}` }
      }
      const seconds = Math.max(0, Math.ceil((connection.retryAtMs - now) / 1000))
      return { look: 'wait', words: seconds > 0 ? `Reconnecting, ${seconds} s` : 'Reconnecting' }
    }
  }
}
