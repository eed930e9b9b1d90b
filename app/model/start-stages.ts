/**
 * The stages of a start as they stand on the page, and a failed start in words.
 * Owns: titles, order and look of stages. Must not know: React; what a stage does.
 */
import { formatDuration } from './format.ts'
import type { StartEntry, StartStageView, Turn } from './transcript-types.ts'

export interface StageLine {
  stage: string
  title: string
  look: 'ok' | 'bad' | 'now' | 'later'
  words: string
  /** When the stage that is going on began. */
  since: string | null
}

const TITLES: Record<string, string> = {
  image: 'Image',
  container: 'Container',
  bridge: 'Bridge',
  clone: 'Clone',
  setup: 'Setup',
  model: 'Model',
}

/** Stages that lie ahead of a start, setup only where there is a script; building the image is shown only when it happens. */
const AHEAD = ['container', 'bridge', 'clone', 'setup', 'model']

const FAILURES: Record<string, string> = {
  branch_not_found: 'The source branch does not exist',
  repository_not_found: 'The repository does not exist, or the token cannot see it',
  repository_forbidden: 'The token may not read this repository',
  empty_repository: 'The repository is empty',
  engine_unreachable: 'The container engine does not answer',
  image_missing: 'The agent image is missing',
  disk_full: 'The disk is full',
  sandbox_lost: 'The container was lost',
  model_key_missing: 'No key for the model',
  model_key_rejected: 'The provider refused the key',
}

/** What happened, then, unless the start is over and went well, what lies ahead. */
export function stageLines(entry: StartEntry, hasSetup: boolean): StageLine[] {
  const seen = entry.stages.map((stage, index) => lineOf(entry, stage, index === entry.stages.length - 1))
  if (entry.outcome === 'ok') return seen
  const reached = entry.stages.map((stage) => stage.stage)
  const last = reached.findLast((stage) => AHEAD.includes(stage))
  const ahead = AHEAD.slice(last === undefined ? 0 : AHEAD.indexOf(last) + 1)
  const words = entry.outcome === 'failed' ? 'not reached' : 'next'
  return [
    ...seen,
    ...ahead
      .filter((stage) => !reached.includes(stage) && (hasSetup || stage !== 'setup'))
      .map((stage) => ({ stage, title: titleOf(stage), look: 'later' as const, words, since: null })),
  ]
}

export function describeFailure(code: string, stage: string | null): string {
  const known = FAILURES[code]
  if (known !== undefined) return known
  if (stage === 'setup') return 'The setup script failed'
  return stage === null ? 'The start failed' : `The start failed at “${titleOf(stage)}”`
}

/** True where the start that failed has said already why the run ended, and what to do. */
export function endsInItsStart({ entries, end }: Turn): boolean {
  const last = entries.findLast((entry) => entry.kind === 'start')
  return end !== null && last?.failure != null && last.failure.message === end.message
}

function lineOf(entry: StartEntry, stage: StartStageView, isLast: boolean): StageLine {
  const base = { stage: stage.stage, title: titleOf(stage.stage), since: stage.startedAt }
  if (isLast && entry.outcome === 'failed') return { ...base, look: 'bad', words: 'failed' }
  if (stage.endedAt === null) {
    return { ...base, look: 'now', words: stage.percent === null ? '' : `${Math.round(stage.percent)} %,` }
  }
  return { ...base, look: 'ok', words: formatDuration(Date.parse(stage.endedAt) - Date.parse(stage.startedAt)) }
}

function titleOf(stage: string): string {
  return TITLES[stage] ?? stage
}
