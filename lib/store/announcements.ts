/**
 * News between the control planes that share a database (PostgreSQL's LISTEN and NOTIFY): that an agent's log has grown, and that
 * an agent asks for its holder's attention. News may be lost with a connection: whoever needs to be sure looks at the rows.
 */
import pg from 'pg'
import type { Announcement, Announcements } from './stores.ts'

const CHANNEL = 'berth_agents'
const RECONNECT_MS = 1_000

/** Listens on a connection of its own, again and again until it is closed. `onLost` says that news may have been missed. */
export async function openAnnouncements(options: {
  url: string
  /** Of this process: what it announced itself is not told to it. */
  from: string
  onNews(news: Announcement): void
  onLost(error: unknown): void
}): Promise<Announcements & { close(): Promise<void> }> {
  const { url, from, onNews, onLost } = options
  let closing = false
  let client = await listen()
  let reconnecting: Promise<void> | null = null
  let last: Promise<void> = Promise.resolve()

  async function listen(): Promise<pg.Client> {
    const next = new pg.Client({ connectionString: url, keepAlive: true })
    next.on('notification', ({ payload }) => {
      const news = readNews(payload)
      if (news !== null && news.from !== from) onNews(news)
    })
    next.on('error', () => undefined)
    next.on('end', () => {
      if (!closing) reconnecting ??= reconnect().finally(() => (reconnecting = null))
    })
    await next.connect()
    await next.query(`LISTEN ${CHANNEL}`)
    return next
  }

  async function reconnect(): Promise<void> {
    while (!closing) {
      try {
        client = await listen()
        return onLost(new Error('the connection that listens for news was lost for a while'))
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS))
      }
    }
  }

  return {
    announce(news) {
      const text = JSON.stringify({ ...news, from })
      // One after another: a client takes one query at a time.
      const told = last.then(async () => void (await client.query('SELECT pg_notify($1, $2)', [CHANNEL, text])))
      last = told.catch(() => undefined)
      return told
    },
    async close() {
      closing = true
      await last
      await client.end()
      await reconnecting
    },
  }
}

function readNews(payload: string | undefined): (Announcement & { from: string }) | null {
  try {
    const news = JSON.parse(payload ?? '')
    const known = typeof news?.agentId === 'string' && ['log', 'wake', 'removed'].includes(news.kind)
    return known ? news : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
