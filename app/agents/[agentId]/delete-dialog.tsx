'use client'

import type { AgentView } from '../../../lib/services/agent/schemas.ts'
import { ConfirmDialog } from '../../components/confirm-dialog.tsx'
import type { AgentActions } from './use-agent-actions.ts'

export interface DeleteDialogProps {
  agent: AgentView
  actions: AgentActions
  onKeep(): void
  onGone(): void
}

export function DeleteDialog({ agent, actions, onKeep, onGone }: DeleteDialogProps) {
  const problem = actions.problem?.action === 'purge' ? actions.problem.problem : null
  return (
    <ConfirmDialog
      title="Delete this agent?"
      keepLabel="Keep"
      actLabel={actions.busy === 'purge' ? 'Deleting' : 'Delete agent'}
      isBusy={actions.busy !== null}
      problem={problem}
      onKeep={() => {
        actions.forget()
        onKeep()
      }}
      onAct={async () => {
        if (await actions.purge()) onGone()
      }}
    >
      <p>
        “{agent.name}”: its container, files and history go for good.
        {agent.pullRequest
          ? ` Pull request #${agent.pullRequest.number} and the branch stay on GitHub.`
          : ' What it pushed stays on GitHub.'}
      </p>
    </ConfirmDialog>
  )
}
