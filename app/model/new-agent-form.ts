/**
 * The form for a new agent: from its fields to the request's body and to the same request as a curl line.
 * Owns: which fields are sent and when; numbers and lists read from text. Must not know: React, the network. What is valid is the
 * API's to say.
 */
import type { FieldProblem } from './problem.ts'
import { readBytes } from './units.ts'

export interface NewAgentForm {
  task: string
  githubRepo: string
  name: string
  sourceBranch: string
  targetBranch: string
  model: string
  maxSteps: string
  maxCostUsd: string
  diskBytes: string
  setupScript: string
  egressMode: 'none' | 'allowlist' | 'open'
  egressAllow: string
  autoPullRequest: boolean
}

export const EMPTY_FORM: NewAgentForm = {
  task: '',
  githubRepo: '',
  name: '',
  sourceBranch: '',
  targetBranch: '',
  model: '',
  maxSteps: '',
  maxCostUsd: '',
  diskBytes: '',
  setupScript: '',
  egressMode: 'allowlist',
  egressAllow: '',
  autoPullRequest: true,
}

/** The body of `POST /api/agents`: what was filled in and differs from the defaults, in the order of the form. */
export function buildCreateBody(form: NewAgentForm): Record<string, unknown> {
  const limits = dropEmpty({
    maxSteps: readNumber(form.maxSteps),
    maxCostUsd: readNumber(form.maxCostUsd),
    diskBytes: form.diskBytes.trim() === '' ? undefined : (readBytes(form.diskBytes) ?? form.diskBytes.trim()),
  })
  const allow = readList(form.egressAllow)
  const egress = dropEmpty({
    mode: form.egressMode === 'allowlist' ? undefined : form.egressMode,
    allow: allow.length > 0 && form.egressMode === 'allowlist' ? allow : undefined,
  })
  return dropEmpty({
    githubRepo: form.githubRepo.trim(),
    name: textOrNothing(form.name),
    sourceBranch: textOrNothing(form.sourceBranch),
    targetBranch: textOrNothing(form.targetBranch),
    model: textOrNothing(form.model),
    limits: Object.keys(limits).length > 0 ? limits : undefined,
    egress: Object.keys(egress).length > 0 ? egress : undefined,
    setupScript: form.setupScript.trim() === '' ? undefined : form.setupScript,
    autoPullRequest: form.autoPullRequest ? undefined : false,
    task: form.task.trim(),
  })
}

export const SIZE_HINT = 'must be a size, such as 512 MiB or 10 GiB'

/** What cannot be read as a figure at all; the rest is the API's to judge. */
export function findUnreadable(form: NewAgentForm): FieldProblem[] {
  if (form.diskBytes.trim() === '' || readBytes(form.diskBytes) !== null) return []
  return [{ path: 'limits.diskBytes', message: SIZE_HINT }]
}

/** Host names, separated by commas or white space. */
export function readList(text: string): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '')
}

/** The request as one would type it in a shell; `origin` is this page's, the token stays a variable. */
export function buildCurl(body: Record<string, unknown>, origin: string): string {
  const json = JSON.stringify(body, null, 2).replaceAll("'", "'\\''")
  return [
    `curl -X POST ${origin}/api/agents \\`,
    `  -H "Authorization: Bearer $BERTH_TOKEN" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '${json.replaceAll('\n', '\n  ')}'`,
  ].join('\n')
}

/** A text that is no number is sent as it is, so that the API names the field. */
function readNumber(text: string): number | string | undefined {
  const trimmed = text.trim()
  if (trimmed === '') return undefined
  const value = Number(trimmed)
  return Number.isFinite(value) ? value : trimmed
}

function textOrNothing(text: string): string | undefined {
  const trimmed = text.trim()
  return trimmed === '' ? undefined : trimmed
}

function dropEmpty(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined))
}
