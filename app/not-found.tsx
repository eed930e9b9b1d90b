import Link from 'next/link'
import { PlainPage } from './components/plain-page.tsx'

export const metadata = { title: 'Not found' }

export default function NotFound() {
  return (
    <PlainPage title="There is no such page here">
      <p className="muted">
        The address names nothing that Berth has, or an agent that was deleted. Agents that are not yours look the same.
      </p>
      <p className="plain-acts">
        <Link className="btn primary" href="/agents">
          All agents
        </Link>
      </p>
    </PlainPage>
  )
}
