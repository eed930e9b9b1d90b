'use client'

import { useId } from 'react'
import { LineIcon } from '../../components/line-icon.tsx'
import { TextArea } from '../../components/text-area.tsx'
import { TextField } from '../../components/text-field.tsx'
import type { NewAgentForm } from '../../model/new-agent-form.ts'

export const EGRESS_WORDS: Record<NewAgentForm['egressMode'], string> = {
  allowlist: 'listed hosts',
  open: 'any public host',
  none: 'no host',
}

export interface LimitsFoldProps {
  form: NewAgentForm
  put<K extends keyof NewAgentForm>(field: K): (value: NewAgentForm[K]) => void
  error(path: string): string | null
}

/** What most agents do not need to be told. It opens by itself where something in it is wrong. */
export function LimitsFold({ form, put, error }: LimitsFoldProps) {
  const id = useId()
  const hasError = ['limits', 'egress', 'setupScript'].some((path) => error(path) !== null)
  return (
    <details className="fold" open={hasError || undefined}>
      <summary>
        <LineIcon name="right" small />
        Limits, network, setup
        <span className="cut faint">{describe(form)}</span>
      </summary>
      <div className="fold-body">
        <div className="two">
          <TextField
            label="Steps"
            aside="a run"
            name="maxSteps"
            inputMode="numeric"
            placeholder="15"
            value={form.maxSteps}
            error={error('limits.maxSteps')}
            onText={put('maxSteps')}
          />
          <TextField
            label="Cost limit, USD"
            aside="a run"
            name="maxCostUsd"
            inputMode="decimal"
            placeholder="5.00"
            value={form.maxCostUsd}
            error={error('limits.maxCostUsd')}
            onText={put('maxCostUsd')}
          />
        </div>
        <div className="two">
          <TextField
            label="Disk"
            aside="no limit if left empty"
            name="diskBytes"
            placeholder="10 GiB"
            value={form.diskBytes}
            error={error('limits.diskBytes')}
            onText={put('diskBytes')}
          />
        </div>
        <fieldset>
          <legend className="label">It may reach</legend>
          <div className="egress-modes">
            {(['allowlist', 'open', 'none'] as const).map((mode) => (
              <label key={mode}>
                <input
                  className="radio"
                  type="radio"
                  name={id}
                  checked={form.egressMode === mode}
                  onChange={() => put('egressMode')(mode)}
                />
                {MODE_LABELS[mode]}
              </label>
            ))}
          </div>
        </fieldset>
        {form.egressMode === 'allowlist' && (
          <TextField
            label="More hosts"
            aside="separated by commas"
            name="egressAllow"
            mono
            autoComplete="off"
            spellCheck={false}
            placeholder="files.example.com, *.example.org"
            value={form.egressAllow}
            error={error('egress.allow')}
            onText={put('egressAllow')}
          />
        )}
        <TextArea
          label="Setup script"
          aside="runs once, before the first step"
          name="setupScript"
          mono
          rows={3}
          placeholder="npm ci"
          value={form.setupScript}
          error={error('setupScript')}
          onText={put('setupScript')}
        />
      </div>
    </details>
  )
}

const MODE_LABELS: Record<NewAgentForm['egressMode'], string> = {
  allowlist: 'The package registries, and hosts listed here',
  open: 'Any public host',
  none: 'Nothing but the model and its repository',
}

function describe(form: NewAgentForm): string {
  const steps = form.maxSteps.trim() === '' ? 'the usual steps' : `${form.maxSteps.trim()} steps`
  const cost = form.maxCostUsd.trim() === '' ? 'the usual cost limit' : `$${form.maxCostUsd.trim()}`
  return `${steps}, ${cost}; ${EGRESS_WORDS[form.egressMode]}`
}
