'use client'

import { type FormEvent, useEffect, useId, useRef } from 'react'
import { useHotkeys } from '../../client/use-hotkeys.ts'
import type { Models } from '../../client/use-models.ts'
import { LineIcon } from '../../components/line-icon.tsx'
import { NotIsolatedNote } from '../../components/not-isolated.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import { FieldNote, TextField } from '../../components/text-field.tsx'
import type { NewAgentForm } from '../../model/new-agent-form.ts'
import { findFieldMessage, type Problem } from '../../model/problem.ts'
import { LimitsFold } from './limits-fold.tsx'
import { ModelPicker } from './model-picker.tsx'

/** Paths of the request that have a field of their own; a message for any other is shown above the buttons. */
const FIELD_PATHS = [
  'task',
  'githubRepo',
  'name',
  'sourceBranch',
  'targetBranch',
  'model',
  'limits',
  'egress',
  'setupScript',
]

/** Codes that are about one field although they name none. */
const FIELD_OF_CODE: Record<string, string> = {
  repository_not_found: 'githubRepo',
  repository_forbidden: 'githubRepo',
  empty_repository: 'githubRepo',
  branch_not_found: 'sourceBranch',
  branch_in_use: 'targetBranch',
  target_exists: 'targetBranch',
  target_is_source: 'targetBranch',
  model_unknown: 'model',
  model_forbidden: 'model',
}

export interface NewAgentFieldsProps {
  form: NewAgentForm
  setForm(change: (form: NewAgentForm) => NewAgentForm): void
  models: Models
  isolated: boolean
  problem: Problem | null
  isBusy: boolean
  submit(startsAtOnce: boolean): Promise<void>
}

export function NewAgentFields(props: NewAgentFieldsProps) {
  const { form, setForm, problem, isBusy } = props
  const root = useRef<HTMLFormElement>(null)
  const put =
    <K extends keyof NewAgentForm>(field: K) =>
    (value: NewAgentForm[K]) =>
      setForm((before) => ({ ...before, [field]: value }))
  const error = (path: string) => findError(problem, path)
  useHotkeys({ 'ctrl+enter': () => root.current?.requestSubmit() })
  useEffect(() => {
    if (problem) root.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [problem])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void props.submit(true)
  }
  return (
    <form ref={root} onSubmit={submit}>
      <h1>New agent</h1>
      <div className="form">
        {!props.isolated && <NotIsolatedNote title="The agent will not be isolated." />}
        <TaskField value={form.task} error={error('task')} onText={put('task')} />
        <WhereFields form={form} put={put} error={error} />
        <ModelPicker models={props.models} value={form.model} error={error('model')} onPick={put('model')} />
        <LimitsFold form={form} put={put} error={error} />
        {problem && !isAboutField(problem) && <ProblemNote problem={problem} />}
        <Finish form={form} put={put} isBusy={isBusy} createOnly={() => void props.submit(false)} />
      </div>
    </form>
  )
}

interface PartProps {
  form: NewAgentForm
  put<K extends keyof NewAgentForm>(field: K): (value: NewAgentForm[K]) => void
}

/** Where it works: repository, branches; and what it is called. */
function WhereFields({ form, put, error }: PartProps & { error(path: string): string | null }) {
  return (
    <>
      <div className="two">
        <TextField
          label="Repository"
          icon="folder"
          name="githubRepo"
          placeholder="owner/name"
          autoComplete="off"
          spellCheck={false}
          required
          value={form.githubRepo}
          error={error('githubRepo')}
          onText={put('githubRepo')}
        />
        <TextField
          label="Name"
          aside="from the task if left empty"
          name="name"
          autoComplete="off"
          value={form.name}
          error={error('name')}
          onText={put('name')}
        />
      </div>
      <div className="two">
        <TextField
          label="Source branch"
          icon="branch"
          mono
          name="sourceBranch"
          placeholder="the default branch"
          autoComplete="off"
          spellCheck={false}
          value={form.sourceBranch}
          error={error('sourceBranch')}
          onText={put('sourceBranch')}
        />
        <TextField
          label="Target branch"
          icon="branch"
          mono
          name="targetBranch"
          placeholder="berth/ and a word from the task"
          autoComplete="off"
          spellCheck={false}
          value={form.targetBranch}
          error={error('targetBranch')}
          onText={put('targetBranch')}
        />
      </div>
    </>
  )
}

function Finish({ form, put, isBusy, createOnly }: PartProps & { isBusy: boolean; createOnly(): void }) {
  return (
    <div className="finish">
      <div className="go">
        <button className="btn primary" type="submit" disabled={isBusy}>
          {isBusy ? 'Creating' : 'Create and start'} <kbd className="desk">Ctrl ↵</kbd>
        </button>
        <button className="btn desk" type="button" disabled={isBusy} onClick={createOnly}>
          Create only
        </button>
      </div>
      <label className="pull-choice muted">
        <input
          className="switch"
          type="checkbox"
          role="switch"
          aria-checked={form.autoPullRequest}
          checked={form.autoPullRequest}
          onChange={(event) => put('autoPullRequest')(event.target.checked)}
        />
        Open a pull request when done
      </label>
    </div>
  )
}

function TaskField({ value, error, onText }: { value: string; error: string | null; onText(value: string): void }) {
  const id = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => field.current?.focus(), [])
  return (
    <div>
      <label className="label" htmlFor={id}>
        Task
      </label>
      <div className={error ? 'taskbox bad' : 'taskbox'}>
        <textarea
          ref={field}
          id={id}
          name="task"
          required
          placeholder="What should be done, and how it can tell that it is done"
          aria-invalid={error ? true : undefined}
          aria-describedby={`${id}-note`}
          value={value}
          onChange={(event) => onText(event.target.value)}
        />
        <footer>
          <LineIcon name="list" small />
          <span>Small and checkable is best: one bug, one test that shows it. Markdown works.</span>
        </footer>
      </div>
      {error && <FieldNote id={`${id}-note`} error={error} />}
    </div>
  )
}

function findError(problem: Problem | null, path: string): string | null {
  const message = findFieldMessage(problem, path)
  if (message !== null || problem === null || FIELD_OF_CODE[problem.code] !== path) return message
  return [problem.detail || problem.title, problem.hint].filter(Boolean).join(' ')
}

/** True where the fields say all that the problem says. */
function isAboutField(problem: Problem): boolean {
  if (FIELD_OF_CODE[problem.code] !== undefined) return true
  const hasField = (path: string) => FIELD_PATHS.some((known) => path === known || path.startsWith(`${known}.`))
  return problem.fields.length > 0 && problem.fields.every((field) => hasField(field.path))
}
