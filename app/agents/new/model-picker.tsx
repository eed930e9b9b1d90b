'use client'

import { useId, useState } from 'react'
import type { Models, ModelView } from '../../client/use-models.ts'
import { FieldNote, TextField } from '../../components/text-field.tsx'
import { formatPrice, formatTokens } from '../../model/format.ts'

/** With more models than this a list is no choice any more: then one types, helped by the browser's own list. */
const SHOWN_MODELS = 5

export interface ModelPickerProps {
  models: Models
  /** Empty: the installation's default. */
  value: string
  error: string | null
  onPick(model: string): void
}

export function ModelPicker({ models: { models, defaultModel, problem }, value, error, onPick }: ModelPickerProps) {
  const id = useId()
  const [isOther, setOther] = useState(false)
  const others = models?.filter((model) => model.id !== defaultModel) ?? []
  const shown = others.length <= SHOWN_MODELS ? others : []
  const known = models?.find((model) => model.id === value)
  const usual = models?.find((model) => model.id === defaultModel)
  return (
    <fieldset aria-describedby={error || problem ? `${id}-note` : undefined}>
      <legend className="label">
        Model <span className="opt">price in and out, per million tokens</span>
      </legend>
      <div className="models">
        <label>
          <input
            className="radio"
            type="radio"
            name={id}
            checked={!isOther && value === ''}
            onChange={() => {
              setOther(false)
              onPick('')
            }}
          />
          <span className="cut">
            <span className="med">{defaultModel ?? 'Default'}</span> <span className="faint">the default here</span>
          </span>
          {usual && <ModelFigures model={usual} />}
        </label>
        {shown.map((model) => (
          <label key={model.id}>
            <input
              className="radio"
              type="radio"
              name={id}
              checked={!isOther && value === model.id}
              onChange={() => {
                setOther(false)
                onPick(model.id)
              }}
            />
            <span className="cut">
              <span className="med">{model.name}</span> <span className="faint">{model.id}</span>
            </span>
            <ModelFigures model={model} />
          </label>
        ))}
        <label>
          <input className="radio" type="radio" name={id} checked={isOther} onChange={() => setOther(true)} />
          <span className="med">Another model</span>
          {isOther && known && <ModelFigures model={known} />}
        </label>
        {isOther && <OtherModel id={id} models={models} value={value} error={error} onPick={onPick} />}
      </div>
      {error && !isOther && <FieldNote id={`${id}-note`} error={error} />}
      {!error && problem && (
        <FieldNote id={`${id}-note`} error={null} hint={`The list of models is not known: ${problem.title}.`} />
      )}
    </fieldset>
  )
}

interface OtherModelProps {
  id: string
  models: ModelView[] | null
  value: string
  error: string | null
  onPick(model: string): void
}

/** Any model by its id, helped by the browser's own list. */
function OtherModel({ id, models, value, error, onPick }: OtherModelProps) {
  return (
    <div className="other-model">
      <TextField
        label="Model"
        aside={models && models.length > 0 ? `one of ${models.length}, or any other by its id` : 'by its id'}
        name="model"
        mono
        autoComplete="off"
        spellCheck={false}
        list={`${id}-all`}
        placeholder="provider/model"
        value={value}
        error={error}
        onText={onPick}
      />
      <datalist id={`${id}-all`}>
        {models?.map((model) => (
          <option key={model.id} value={model.id}>
            {model.name}
          </option>
        ))}
      </datalist>
    </div>
  )
}

function ModelFigures({ model }: { model: ModelView }) {
  const { contextTokens, inputPriceUsdPerMTok: input, outputPriceUsdPerMTok: output } = model
  return (
    <>
      <span className="num ctx">{contextTokens === null ? '' : `${formatTokens(contextTokens)} context`}</span>
      <span className="num price">{describePrice(input, output)}</span>
    </>
  )
}

function describePrice(input: number | null, output: number | null): string {
  if (input === null || output === null) return 'price unknown'
  if (input === 0 && output === 0) return 'free'
  return `${formatPrice(input)}, ${formatPrice(output)}`
}
