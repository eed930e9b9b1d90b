/**
 * An agent's state as a person sees it: which flag, which word, what follows the word.
 * Owns: the mapping from state, needs and the latest run. Must not know: React, colours.
 */
import type { DivergenceKind } from '../../lib/domain/agent.ts'
import type { AgentView } from '../../lib/services/agent/schemas.ts'
import { hasOpenRun } from './live-agent.ts'
import { describeEnding, type RunEnding } from './run-ending.ts'

export type GlyphName =
  | 'queued'
  | 'starting'
  | 'running'
  | 'waiting'
  | 'ready'
  | 'sleeping'
  | 'stopping'
  | 'failed'
  | 'idle'

export interface AgentFace {
  glyph: GlyphName
  word: string
  /** Follows the word, muted; begins with its own separator. */
  tail: string
  /** Of a word that says how a run ended; null where the state's own colour holds. */
  tone: RunEnding['tone'] | null
}

/** The parts of an agent that decide its face. */
export type Faced = Pick<AgentView, 'status' | 'statusDetail' | 'needs' | 'divergence' | 'queued' | 'run' | 'limits'>

const STAGE_DOING: Record<string, string> = {
  image: 'building the image',
  container: 'making the container',
  bridge: 'waiting for the bridge',
  clone: 'cloning',
  setup: 'setting up',
  model: 'calling the model',
}

const STAGE_FAILED: Record<string, string> = {
  image: 'while building the image',
  container: 'while making the container',
  bridge: 'before the bridge answered',
  clone: 'while cloning',
  setup: 'during setup',
  model: 'before the first model call',
}

export function faceOf(agent: Faced): AgentFace {
  if (agent.needs !== null) {
    return { glyph: 'waiting', word: 'Needs you', tail: describeNeed(agent, agent.needs), tone: null }
  }
  switch (agent.status) {
    case 'STARTING':
      return { glyph: 'starting', word: 'Starting', tail: describeStage(agent), tone: null }
    case 'RUNNING':
      return { glyph: 'running', word: 'Running', tail: '', tone: null }
    case 'STOPPING':
      return { glyph: 'stopping', word: 'Stopping', tail: '', tone: null }
    case 'FAILED':
      return { glyph: 'failed', word: 'Failed', tail: describeFailedStage(agent), tone: null }
    case 'SLEEPING':
      return { glyph: 'sleeping', word: 'Sleeping', tail: ', an instruction wakes it', tone: null }
    case 'IDLE':
      return { glyph: 'idle', word: agent.run ? 'No container' : 'Not started', tail: '', tone: null }
    case 'READY':
      return faceOfReady(agent)
  }
}

function describeNeed(agent: Faced, need: NonNullable<AgentView['needs']>): string {
  if (need === 'approval') return ': may it go on?'
  if (need === 'input') return ': a question'
  return agent.divergence ? `: ${DIVERGED[agent.divergence.kind]}` : ': a decision'
}

const DIVERGED: Record<DivergenceKind, string> = {
  workspace_lost: 'its workspace is empty',
  workspace_broken: 'its repository is broken',
  workspace_changed: 'its workspace was changed',
  branch_moved: 'its branch has new commits',
}

function faceOfReady(agent: Faced): AgentFace {
  const reason = agent.run?.reason
  if (hasOpenRun(agent)) return { glyph: 'starting', word: 'Starting', tail: ': the run goes on', tone: null }
  if (!agent.run || !reason) return { glyph: 'ready', word: 'Ready', tail: '', tone: null }
  const ending = describeEnding(reason, agent.limits)
  const steps = agent.run.steps === 1 ? ' in 1 step' : ` in ${agent.run.steps} steps`
  const tail = reason === 'completed' ? steps : ending.tail
  return { glyph: 'ready', word: ending.word, tail, tone: ending.tone }
}

function describeStage(agent: Faced): string {
  const { stage, percent } = agent.statusDetail ?? {}
  if (!stage) return ''
  const share = typeof percent === 'number' ? `, ${Math.round(percent)} %` : ''
  return `: ${nameDoing(stage)}${share}`
}

/** `cloning`; a stage this page does not know yet is named as it is. */
export function nameDoing(stage: string): string {
  return STAGE_DOING[stage] ?? stage
}

function describeFailedStage(agent: Faced): string {
  // Only what the engine's absence failed has a run that goes on by itself.
  if (hasOpenRun(agent)) return ': waits for the engine'
  const stage = agent.statusDetail?.stage
  return stage ? ` ${STAGE_FAILED[stage] ?? `during ${stage}`}` : ''
}
