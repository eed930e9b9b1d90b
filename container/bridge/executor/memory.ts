/**
 * What was said so far: the conversation of the bridge's journal, folded once and kept, or folded anew from the history that
 * the control plane sends. Owns: when the journal is enough. Must not know: runs' work.
 */
import type { ExecuteCommand } from '../../contract/bridge.ts'
import type { Journal, JournalInput } from '../journal/journal.ts'
import { type Conversation, createConversation } from './conversation.ts'
import { ExecutorError } from './executor-error.ts'

/** The history that a seed in the journal stands for: up to where the control plane had stored which journal. */
type Stored = ExecuteCommand['stored']
type Seed = Extract<JournalInput, { kind: 'history' }> & { stored?: Stored }

export interface Memory {
  /**
   * The conversation with all that was said before this run, and its input. Throws ExecutorError `history_needed` when the
   * journal lacks what is stored and the command brings no history.
   */
  recall(command: ExecuteCommand): Conversation
}

/** Reads the whole journal. */
export function openMemory(journal: Journal): Memory {
  let conversation: Conversation = createConversation()
  let seeded: Stored | null = null

  const apply = (input: JournalInput) => {
    if (input.kind === 'history') seeded = (input as Seed).stored ?? null
    conversation.apply({ kind: 'input', input })
  }
  for (const entry of journal.entries()) {
    if (entry.kind === 'input') apply(entry.input)
    else conversation.apply(entry)
  }

  const needsHistory = ({ stored }: ExecuteCommand): boolean => {
    if (stored.journalId === null) return false
    if (stored.journalId === journal.journalId) return stored.n > journal.lastN || !journal.hasBeginning
    return seeded?.journalId !== stored.journalId || seeded.n !== stored.n
  }

  const add = (input: JournalInput) => {
    journal.appendInput(input)
    apply(input)
  }

  return {
    recall(command) {
      const { stored, history, earlier = [], said = [], input, runId } = command
      if (needsHistory(command)) {
        if (!history) {
          const message = `Journal ${journal.journalId} holds ${journal.lastN} events, but ${stored.n} of journal ${stored.journalId} are stored: send the command again with history.`
          throw new ExecutorError('history_needed', message)
        }
        if (stored.journalId === journal.journalId) journal.renew(`${stored.n} events of it are stored elsewhere`)
        conversation = createConversation()
        const seed: Seed = { kind: 'history', events: history, stored }
        add(seed)
      }
      for (const message of [...earlier, input, ...said]) {
        if (!conversation.knowsMessage(message.eventId)) add({ kind: 'message', runId, message })
      }
      return conversation
    },
  }
}
