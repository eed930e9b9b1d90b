/**
 * Changing an agent: from its fields as text to the body of `PATCH /api/agents/{id}`.
 * Owns: which fields there are, how they are read, which limit ended a run. Must not know: React, the network. What is valid is
 * the API's to say; only what cannot be read as a figure at all is refused here.
 */
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { formatBytes, formatLimit } from './format.ts'
import { readList, SIZE_HINT } from './new-agent-form.ts'
import type { FieldProblem } from './problem.ts'
import { readBytes, readDuration } from './units.ts'

export interface AgentForm {
  name: string
  instructions: string
  model: string
  setupScript: string
  autoPullRequest: boolean
  maxCostUsd: string
  maxCostUsdTotal: string
  maxCostUsdPerDay: string
  maxTokens: string
  maxSteps: string
  maxDurationMs: string
  diskBytes: string
  egressMode: AgentView['egress']['mode']
  egressAllow: string
}

export type AgentField = keyof AgentForm

export function formOf(agent: AgentView): AgentForm {
  const { limits, egress } = agent
  return {
    name: agent.name,
    instructions: agent.instructions ?? '',
    model: agent.model,
    setupScript: agent.setupScript ?? '',
    autoPullRequest: agent.autoPullRequest,
    maxCostUsd: writeNumber(limits.maxCostUsd),
    maxCostUsdTotal: writeNumber(limits.maxCostUsdTotal),
    maxCostUsdPerDay: writeNumber(limits.maxCostUsdPerDay),
    maxTokens: writeNumber(limits.maxTokens),
    maxSteps: String(limits.maxSteps),
    maxDurationMs: formatLimit(limits.maxDurationMs),
    diskBytes: limits.diskBytes === null ? '' : formatBytes(limits.diskBytes),
    egressMode: egress.mode,
    egressAllow: egress.allow.join(', '),
  }
}

export interface ReadChanges {
  /** Empty where nothing was changed. */
  body: Record<string, unknown>
  /** What could not be read; paths as the API has them. */
  fields: FieldProblem[]
}

/** Only what differs from `before` is sent: a figure that is shown rounded is never written back. */
export function readChanges(before: AgentForm, form: AgentForm): ReadChanges {
  const fields: FieldProblem[] = []
  const changed = <K extends AgentField, T>(field: K, read: (value: AgentForm[K]) => T): T | undefined =>
    form[field] === before[field] ? undefined : read(form[field])
  const measured = (field: 'maxDurationMs' | 'diskBytes', read: (text: string) => number | null, hint: string) =>
    changed(field, (text) => {
      if (field === 'diskBytes' && text.trim() === '') return null
      const value = read(text)
      if (value === null) fields.push({ path: `limits.${field}`, message: hint })
      return value
    })
  const limits = withoutUndefined({
    maxCostUsd: changed('maxCostUsd', readNumberOrNull),
    maxCostUsdTotal: changed('maxCostUsdTotal', readNumberOrNull),
    maxCostUsdPerDay: changed('maxCostUsdPerDay', readNumberOrNull),
    maxTokens: changed('maxTokens', readNumberOrNull),
    maxSteps: changed('maxSteps', readNumber),
    maxDurationMs: measured('maxDurationMs', readDuration, 'must be a time with its unit, such as 30m, 2h or 90s'),
    diskBytes: measured('diskBytes', readBytes, SIZE_HINT),
  })
  const egress = withoutUndefined({
    mode: changed('egressMode', (mode) => mode),
    allow: changed('egressAllow', readList),
  })
  const body = withoutUndefined({
    name: changed('name', (text) => text.trim()),
    instructions: changed('instructions', (text) => (text.trim() === '' ? null : text)),
    model: changed('model', (text) => text.trim()),
    setupScript: changed('setupScript', (text) => (text.trim() === '' ? null : text)),
    autoPullRequest: changed('autoPullRequest', (isOn) => isOn),
    limits: Object.keys(limits).length > 0 ? limits : undefined,
    egress: Object.keys(egress).length > 0 ? egress : undefined,
  })
  return { body, fields }
}

const LIMIT_OF_REASON: Record<string, AgentField> = {
  step_limit: 'maxSteps',
  cost_budget: 'maxCostUsd',
  token_budget: 'maxTokens',
  time_limit: 'maxDurationMs',
  disk_limit: 'diskBytes',
}

/** The limit that ended a run; null where it ended otherwise. */
export function limitThatEnded(reason: string): AgentField | null {
  return LIMIT_OF_REASON[reason] ?? null
}

function writeNumber(value: number | null): string {
  return value === null ? '' : String(value)
}

/** A text that is no number is sent as it is, so that the API names the field. */
function readNumber(text: string): number | string {
  const trimmed = text.trim()
  const value = Number(trimmed)
  return trimmed !== '' && Number.isFinite(value) ? value : trimmed
}

function readNumberOrNull(text: string): number | string | null {
  return text.trim() === '' ? null : readNumber(text)
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
