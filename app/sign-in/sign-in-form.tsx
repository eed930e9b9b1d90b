'use client'

import { signIn } from 'next-auth/react'
import { type FormEvent, useState } from 'react'
import { ProblemNote } from '../components/problem-note.tsx'
import { TextField } from '../components/text-field.tsx'
import { type Problem, toProblem } from '../model/problem.ts'
import { readReturnPath } from '../model/return-path.ts'

const REFUSED: Problem = {
  status: 401,
  code: 'unauthenticated',
  title: 'E-mail and password do not belong together',
  detail: 'No account was opened and nothing was changed.',
  hint: 'Check both. Whoever runs this Berth can print a new link with: npm run user -- <email>',
  fields: [],
}

export function SignInForm({ callbackUrl }: { callbackUrl: string }) {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(null)
    const found = await tryToSignIn(email, password)
    setProblem(found)
    setBusy(false)
    if (found === null) location.assign(readReturnPath(callbackUrl, location.origin))
  }
  return (
    <form className="form" onSubmit={submit}>
      <TextField
        label="E-mail"
        type="email"
        name="email"
        autoComplete="username"
        required
        value={email}
        onText={setEmail}
      />
      <TextField
        label="Password"
        type="password"
        name="password"
        autoComplete="current-password"
        required
        value={password}
        onText={setPassword}
      />
      {problem && <ProblemNote problem={problem} />}
      <div className="plain-acts">
        <button className="btn primary" type="submit" disabled={isBusy}>
          {isBusy ? 'Signing in' : 'Sign in'}
        </button>
      </div>
      <p className="hint">First time here? The terminal that started Berth shows a one-time link for the owner.</p>
    </form>
  )
}

/** Null when a session stands. */
export async function tryToSignIn(email: string, password: string): Promise<Problem | null> {
  try {
    const outcome = await signIn('credentials', { email, password, redirect: false })
    return outcome?.ok && !outcome.error ? null : REFUSED
  } catch (error) {
    return toProblem(error)
  }
}
