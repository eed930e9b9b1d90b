import { PlainPage } from '../components/plain-page.tsx'
import { SignInForm } from './sign-in-form.tsx'

export const metadata = { title: 'Sign in' }

export default async function SignInPage({ searchParams }: { searchParams: Promise<Record<string, unknown>> }) {
  const { callbackUrl } = await searchParams
  return (
    <PlainPage title="Sign in">
      <SignInForm callbackUrl={typeof callbackUrl === 'string' ? callbackUrl : ''} />
    </PlainPage>
  )
}
