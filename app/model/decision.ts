/**
 * A divergence as the person who has to decide sees it: what happened, the commits, what each choice does.
 * Owns: those words. Must not know: React, the API.
 */
import type { Divergence, DivergenceChoice, DivergenceKind } from '../../lib/domain/agent.ts'
import type { AgentView } from '../../lib/services/agent/schemas.ts'

export interface DecisionChoice {
  choice: DivergenceChoice
  label: string
  /** What follows from it. */
  effect: string
}

export interface Decision {
  title: string
  what: string
  /** Short; none where none is known. */
  commits: { name: string; commit: string }[]
  choices: DecisionChoice[]
}

const SHORT_SHA = 10

const TITLES: Record<DivergenceKind, string> = {
  workspace_lost: 'Its workspace is empty. Clone again?',
  workspace_broken: 'Its repository is broken. Clone again?',
  workspace_changed: 'Its workspace was changed. Go on with it?',
  branch_moved: 'Its branch has new commits. Merge them first?',
}

type Branches = Pick<AgentView, 'sourceBranch' | 'targetBranch'>

const WHAT: Record<DivergenceKind, (branches: Branches) => string> = {
  workspace_lost: () =>
    'There was a clone with its work, and now there is none: the volume was lost or emptied from outside. The run waits.',
  workspace_broken: () =>
    'Its files are there, but no clone that git can go on from: the repository was removed, replaced or damaged. The run waits.',
  workspace_changed: () => 'Somebody worked in its clone since its last run. The run waits.',
  branch_moved: ({ targetBranch }) =>
    `Somebody else pushed to ${targetBranch} since this agent did. Those commits are not in its workspace. The run waits.`,
}

const CHANGED_TOO = 'Its workspace was changed too: it is told to look at that, and to keep it.'

const CHOICES: Record<DivergenceKind, Partial<Record<DivergenceChoice, Omit<DecisionChoice, 'choice'>>>> = {
  workspace_lost: {
    clone_again: {
      label: 'Clone again',
      effect: 'It begins with a fresh clone. What it had not pushed is gone; the conversation is kept.',
    },
  },
  workspace_broken: {
    clone_again: {
      label: 'Clone again, keep the old files',
      effect:
        'Everything there is moved to a folder .berth-before-<time> in its workspace, then it begins with a fresh clone. It is told where the old files lie; the conversation is kept.',
    },
  },
  workspace_changed: {
    keep: {
      label: 'Go on with the changes',
      effect: 'Nothing is undone. It is told to look at what changed, and to keep it.',
    },
  },
  branch_moved: {
    merge: {
      label: 'Merge them first',
      effect: 'It fetches those commits and merges them before anything else. None is dropped.',
    },
    keep: {
      label: 'Go on without them',
      effect: 'It works on from where it was. It cannot push until they are merged.',
    },
  },
}

/** A choice that this page has no words for is offered by its name. */
export function describeDecision(divergence: Divergence, branches: Branches): Decision {
  const { kind, choices } = divergence
  return {
    title: TITLES[kind],
    what: divergence.workspaceChange === undefined ? WHAT[kind](branches) : `${WHAT[kind](branches)} ${CHANGED_TOO}`,
    commits: listCommits(divergence),
    choices: choices.map((choice) => ({ choice, ...(CHOICES[kind][choice] ?? { label: choice, effect: '' }) })),
  }
}

function listCommits({ kind, recorded, found }: Divergence): Decision['commits'] {
  if (recorded === null && found === null) return []
  const left = recorded === null ? [] : [{ name: 'It left', commit: recorded.slice(0, SHORT_SHA) }]
  const none = kind === 'workspace_changed' ? 'no commit' : 'no clone'
  const now = found === null ? none : `${found.slice(0, SHORT_SHA)}${found === recorded ? ', with other files' : ''}`
  return [...left, { name: 'Found now', commit: now }]
}
