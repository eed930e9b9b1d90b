'use client'

import { type FormEvent, useState } from 'react'
import { callApi } from '../client/api.ts'
import { ProblemNote } from '../components/problem-note.tsx'
import { TextField } from '../components/text-field.tsx'
import { findFieldMessage, type Problem, toProblem } from '../model/problem.ts'
import { tryToSignIn } from '../sign-in/sign-in-form.tsx'

const FIELDS = ['email', 'name', 'password']

export function WelcomeForm({ token }: { token: string }) {
  const [form, setForm] = useState({ email: '', name: '', password: '', again: '' })
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const put = (field: keyof typeof form) => (value: string) => setForm((before) => ({ ...before, [field]: value }))
  const differs = form.again !== '' && form.again !== form.password
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (form.again !== form.password) return
    setBusy(true)
    setProblem(null)
    const found = await openAccount(token, form)
    setProblem(found)
    setBusy(false)
    if (found === null) location.assign('/agents')
  }
  const isFieldProblem = problem?.fields.some((field) => FIELDS.includes(field.path)) ?? false
  return (
    <form className="form" onSubmit={submit}>
      <p className="muted">
        This link works once. From now on you sign in with the e-mail and password you choose here.
      </p>
      <TextField
        label="E-mail"
        type="email"
        name="email"
        autoComplete="username"
        required
        value={form.email}
        error={findFieldMessage(problem, 'email')}
        onText={put('email')}
      />
      <TextField
        label="Name"
        aside="stands beside what you ask for"
        name="name"
        autoComplete="name"
        required
        value={form.name}
        error={findFieldMessage(problem, 'name')}
        onText={put('name')}
      />
      <PasswordFields
        password={form.password}
        again={form.again}
        error={findFieldMessage(problem, 'password')}
        put={put}
      />
      {problem && !isFieldProblem && <ProblemNote problem={problem} />}
      <div className="plain-acts">
        <button className="btn primary" type="submit" disabled={isBusy || differs}>
          {isBusy ? 'Opening the account' : 'Open the account'}
        </button>
      </div>
    </form>
  )
}

interface PasswordFieldsProps {
  password: string
  again: string
  error: string | null
  put(field: 'password' | 'again'): (value: string) => void
}

function PasswordFields({ password, again, error, put }: PasswordFieldsProps) {
  const shared = { type: 'password', autoComplete: 'new-password', required: true } as const
  const differs = again !== '' && again !== password
  return (
    <>
      <TextField {...shared} label="Password" name="password" value={password} error={error} onText={put('password')} />
      <TextField
        {...shared}
        label="Password again"
        name="again"
        value={again}
        error={differs ? 'The two passwords differ.' : null}
        onText={put('again')}
      />
    </>
  )
}

async function openAccount(
  token: string,
  form: { email: string; name: string; password: string },
): Promise<Problem | null> {
  try {
    await callApi('/api/welcome', {
      method: 'POST',
      body: { token, email: form.email, name: form.name, password: form.password },
    })
  } catch (error) {
    return toProblem(error)
  }
  return await tryToSignIn(form.email, form.password)
}
