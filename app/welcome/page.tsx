import { PlainPage } from '../components/plain-page.tsx'
import { WelcomeForm } from './welcome-form.tsx'

export const metadata = { title: 'Welcome', referrer: 'no-referrer' as const }

export default async function WelcomePage({ searchParams }: { searchParams: Promise<Record<string, unknown>> }) {
  const { token } = await searchParams
  if (typeof token !== 'string' || token === '') {
    return (
      <PlainPage title="This link is not whole">
        <p className="muted">
          A welcome link ends in <code>?token=</code> and a long word. Copy all of it from the terminal, or print a new
          one with <code>npm run user -- you@example.com</code>.
        </p>
      </PlainPage>
    )
  }
  return (
    <PlainPage title="Welcome to Berth">
      <WelcomeForm token={token} />
    </PlainPage>
  )
}
