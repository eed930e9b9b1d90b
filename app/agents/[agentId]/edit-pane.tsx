'use client'

import { type FormEvent, type ReactNode, useEffect, useId, useRef } from 'react'
import { useModels } from '../../client/use-models.ts'
import { ProblemNote } from '../../components/problem-note.tsx'
import { TextArea } from '../../components/text-area.tsx'
import { TextField } from '../../components/text-field.tsx'
import type { AgentField, AgentForm } from '../../model/agent-edit.ts'
import { findFieldMessage, type Problem } from '../../model/problem.ts'
import { type AgentEditor, GO_ON, type OpenEditor } from './use-agent-editor.ts'

export interface EditPaneProps {
  open: OpenEditor
  editor: AgentEditor
  isBusy: boolean
}

interface PartProps {
  /** What a text field is given for one of the form's fields. */
  text(
    field: TextFields,
    path?: string,
  ): { name: string; value: string; error: string | null; onText(text: string): void }
}

type TextFields = { [K in AgentField]: AgentForm[K] extends string ? K : never }[AgentField]

/** Paths of the request that have a field of their own here. */
const FIELD_PATHS = ['name', 'instructions', 'model', 'setupScript', 'limits', 'egress']

/** Codes that are about the model's field although they name none. */
const MODEL_CODES = new Set(['model_unknown', 'model_forbidden'])

/** Changes an agent, in two parts: what holds at once, and what its next run begins with. */
export function EditPane({ open, editor, isBusy }: EditPaneProps) {
  const root = useRef<HTMLFormElement>(null)
  const { form, field, goesOn } = open
  const { problem } = editor
  useEffect(() => {
    const wanted = root.current?.querySelector<HTMLInputElement>(`[name="${field ?? 'name'}"]`)
    wanted?.focus()
    if (field !== null) wanted?.select()
  }, [field])
  // Back to what opened it, where that is on the page again.
  useEffect(() => () => document.querySelector<HTMLElement>('[data-edit-agent]')?.focus(), [])
  useEffect(() => {
    if (problem) root.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [problem])
  const text: PartProps['text'] = (name, path = name) => ({
    name,
    value: form[name],
    error: findError(problem, path),
    onText: (value) => editor.put(name, value),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void editor.save()
  }
  return (
    <form className="edit" ref={root} onSubmit={submit} aria-label="Change this agent" noValidate>
      <Part title="Holds at once">
        <TextField label="Name" autoComplete="off" {...text('name')} />
        <SpendingFields text={text} />
        <NetworkFields form={form} editor={editor} text={text} />
        <label className="pull-choice">
          <input
            className="switch"
            type="checkbox"
            role="switch"
            aria-checked={form.autoPullRequest}
            checked={form.autoPullRequest}
            onChange={(event) => editor.put('autoPullRequest', event.target.checked)}
          />
          Open a pull request when a run ends with changes
        </label>
      </Part>
      <Part title="From the next run on">
        <RunFields text={text} />
      </Part>
      {problem && !isAboutField(problem) && <ProblemNote problem={problem} />}
      <footer className="edit-acts">
        <span className="hint grow">{goesOn && `Then it is told: “${GO_ON}”`}</span>
        <button className="btn quiet" type="button" onClick={editor.close}>
          Leave as it was
        </button>
        <button className="btn primary" type="submit" disabled={isBusy}>
          {isBusy ? 'Saving' : goesOn ? 'Save and go on' : 'Save'}
        </button>
      </footer>
    </form>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  const id = useId()
  return (
    <section className="edit-part" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  )
}

function SpendingFields({ text }: PartProps) {
  const shared = { inputMode: 'decimal', placeholder: 'no limit' } as const
  return (
    <>
      <div className="two">
        <TextField label="Cost, USD" aside="a run" {...shared} {...text('maxCostUsd', 'limits.maxCostUsd')} />
        <TextField label="Tokens" aside="a run" {...shared} {...text('maxTokens', 'limits.maxTokens')} />
      </div>
      <div className="two">
        <TextField
          label="Cost, USD"
          aside="a day (UTC)"
          {...shared}
          {...text('maxCostUsdPerDay', 'limits.maxCostUsdPerDay')}
        />
        <TextField
          label="Cost, USD"
          aside="in all"
          {...shared}
          {...text('maxCostUsdTotal', 'limits.maxCostUsdTotal')}
        />
      </div>
    </>
  )
}

const MODES: Record<AgentForm['egressMode'], string> = {
  allowlist: 'The package registries, and hosts listed here',
  open: 'Any public host',
  none: 'Nothing but the model and its repository',
}

function NetworkFields({ form, editor, text }: PartProps & { form: AgentForm; editor: AgentEditor }) {
  return (
    <>
      <fieldset>
        <legend className="label">
          It may reach <span className="opt">new connections</span>
        </legend>
        <div className="egress-modes">
          {(['allowlist', 'open', 'none'] as const).map((mode) => (
            <label key={mode}>
              <input
                className="radio"
                type="radio"
                name="egressMode"
                checked={form.egressMode === mode}
                onChange={() => editor.put('egressMode', mode)}
              />
              {MODES[mode]}
            </label>
          ))}
        </div>
      </fieldset>
      {form.egressMode === 'allowlist' && (
        <TextField
          label="More hosts"
          aside="separated by commas"
          mono
          autoComplete="off"
          spellCheck={false}
          placeholder="files.example.com, *.example.org"
          {...text('egressAllow', 'egress.allow')}
        />
      )}
    </>
  )
}

function RunFields({ text }: PartProps) {
  const id = useId()
  const { models } = useModels()
  return (
    <>
      <TextField label="Model" mono autoComplete="off" spellCheck={false} list={`${id}-models`} {...text('model')} />
      <datalist id={`${id}-models`}>
        {models?.map((model) => (
          <option key={model.id} value={model.id}>
            {model.name}
          </option>
        ))}
      </datalist>
      <div className="two">
        <TextField label="Steps" aside="a run" inputMode="numeric" {...text('maxSteps', 'limits.maxSteps')} />
        <TextField label="Time" aside="a run" placeholder="30m" {...text('maxDurationMs', 'limits.maxDurationMs')} />
      </div>
      <div className="two">
        <TextField label="Disk" placeholder="no limit" {...text('diskBytes', 'limits.diskBytes')} />
      </div>
      <TextArea
        label="Instructions"
        aside="with every run"
        rows={4}
        placeholder="What it should always keep to"
        {...text('instructions')}
      />
      <TextArea
        label="Setup script"
        aside="runs once before the next run when it was changed"
        mono
        rows={4}
        placeholder="npm ci"
        {...text('setupScript')}
      />
    </>
  )
}

function findError(problem: Problem | null, path: string): string | null {
  const message = findFieldMessage(problem, path)
  if (message !== null || problem === null || path !== 'model' || !MODEL_CODES.has(problem.code)) return message
  return [problem.detail || problem.title, problem.hint].filter(Boolean).join(' ')
}

/** True where the fields say all that the problem says. */
function isAboutField(problem: Problem): boolean {
  if (MODEL_CODES.has(problem.code)) return true
  const hasField = (path: string) => FIELD_PATHS.some((known) => path === known || path.startsWith(`${known}.`))
  return problem.fields.length > 0 && problem.fields.every((field) => hasField(field.path))
}
